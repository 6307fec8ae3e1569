"""A small simulated study, quick to make."""

SMALL = {
    "n_volumes": 60,
    "t1w_zoom": 3,
    "bold_zoom": 6.0,
    "bold_shape": [30, 36, 28],
    "n_recognition_runs": 1,
}
