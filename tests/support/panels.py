"""Read what a panel of a page holds."""

import base64
import io

import numpy as np
from PIL import Image


def volume_in(uri, shape):
    """Read slices that lie side by side, as the script of the page does."""
    sheet = np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1]))))
    columns = sheet.shape[1] // shape[0]
    out = np.zeros(shape, int)
    for k in range(shape[2]):
        row, column = divmod(k, columns)
        part = sheet[row * shape[1] : (row + 1) * shape[1], column * shape[0] :][:, : shape[0]]
        out[:, :, k] = part.T
    return out
