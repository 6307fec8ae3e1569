"""Numbers of the interfaces of dissimilarities, for layers, models, regions and features."""

import nibabel as nb
import numpy as np
import pandas as pd

CONDITIONS = list("abcdef")


def run_rdms(run, folder, patterns, mask):
    """Run the interfaces that make and compare RDMs; ``run`` records what they give.

    ``patterns`` are inputs of interfaces of patterns: files, conditions.
    """
    from fmriprod.interfaces.feature_rdm import FeatureRDM
    from fmriprod.interfaces.model_rdm import ModelRDM
    from fmriprod.interfaces.rdm_regression import RDMRegression
    from fmriprod.interfaces.region_rdm import RegionRDM
    from fmriprod.interfaces.rsa import RSA
    from fmriprod.interfaces.searchlight_rdm import SearchlightRDM

    layers, samples, features = _inputs(folder)
    models = [_layers(run, layers, samples)]
    models.append(run(
        FeatureRDM, "rdm_file", features_file=layers, samples_file=samples,
        condition_column="kind",
    ).rdm_file)  # fmt: skip
    models.append(run(ModelRDM, "rdm_file", features_file=features, combined="both").rdm_file)
    region = run(
        RegionRDM, "rdm_file", roi_files=[_half(mask, folder, k) for k in range(2)], **patterns
    )
    run(SearchlightRDM, "rdm_file", "n_voxels_map", mask_file=mask, radius=6.0, **patterns)
    found = run(
        RSA, "table_file", rdm_file=region.rdm_file, model_files=[models[0], models[2]],
        n_permutations=200,
    )  # fmt: skip
    run(RDMRegression, "table_file", rsa_file=found.rsa_file)


def _layers(run, layers, samples):
    from fmriprod.interfaces.layer_rdm import LayerRDM

    given = {"features_file": layers, "samples_file": samples, "column": "kind"}
    return run(LayerRDM, "rdm_file", "rdm_files", group_column="person", **given).rdm_file


def _inputs(folder):
    from fmriprod.interfaces.layer_file import write_layers

    rng = np.random.default_rng(6)
    kinds = np.tile(np.repeat(CONDITIONS, 3), 2)
    centre = rng.normal(size=(6, 40))
    one = centre[np.tile(np.repeat(np.arange(6), 3), 2)] + rng.normal(size=(36, 40))
    paths = [str(folder / name) for name in ("rdm_layers.h5", "kinds.tsv", "features.tsv")]
    write_layers(paths[0], {"one": one.astype(np.float32), "two": np.tanh(one[:, ::2])})
    table = pd.DataFrame({"kind": kinds, "person": np.repeat(["x", "y"], 18)})
    table.to_csv(paths[1], sep="\t", index=False)
    table = pd.DataFrame({"condition": CONDITIONS, "size": [1, 2, 4, 3, 9, 5],
                          "colour": list("rgbrgb")})  # fmt: skip
    table.to_csv(paths[2], sep="\t", index=False)
    return paths


def _half(mask, folder, number):
    """Write the lower or the upper half of a mask."""
    image = nb.load(mask)
    data = np.asarray(image.dataobj).copy()
    middle = data.shape[2] // 2
    data[..., [slice(middle, None), slice(middle)][number]] = 0
    path = str(folder / f"half{number}.nii.gz")
    nb.Nifti1Image(data, image.affine).to_filename(path)
    return path
