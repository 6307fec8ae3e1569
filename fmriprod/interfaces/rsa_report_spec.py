"""Inputs and outputs of the report on representational similarity."""

from nipype.interfaces.base import File, InputMultiObject, TraitedSpec, traits

from fmriprod.interfaces.page_report import TruthInputSpec


class RSAReportInputSpec(TruthInputSpec):
    """Inputs of `RSAReport`."""

    title = traits.Str(
        "Which distances between conditions are shared", usedefault=True, desc="title of the page"
    )
    subtitle = traits.Str("", usedefault=True, desc="who and what, such as: sub-01 · digits")
    rdm_files = InputMultiObject(
        File(exists=True, hash_name=True),
        desc="RDMs of regions, layers, models or spheres (HDF5); of spheres their mean is shown",
    )
    rdm_titles = InputMultiObject(
        traits.Str, desc="what the RDMs of each file are (default: the file's name)"
    )
    rdm_range = traits.List(
        traits.Float, minlen=2, maxlen=2,
        desc="dissimilarities at the ends of the colours, such as [0, 2]; default: those of a file",
    )  # fmt: skip
    lower_only = traits.Bool(
        False, usedefault=True, desc="show the lower triangle of RDMs only, as published"
    )
    groups_file = File(
        exists=True, desc="group of each condition (TSV: condition, group), shown as colours"
    )
    stimulus_files = InputMultiObject(
        File(exists=True, hash_name=True),
        desc="picture of each condition, shown where conditions are points",
    )
    stimulus_names = InputMultiObject(
        traits.Str, desc="condition of each picture (default: the file's name without its ending)"
    )
    scaled = InputMultiObject(
        traits.Str, desc="names of RDMs to show as points in two dimensions (default: the first "
        "of each file)"
    )  # fmt: skip
    scaling = traits.Enum(
        "metric", "classical", usedefault=True,
        desc="metric: as little stress as there can be near the classical solution; classical: "
        "in closed form",
    )  # fmt: skip
    table_files = InputMultiObject(
        File(exists=True, hash_name=True),
        desc="similarities (TSV: rdm, model, value and maybe p, q, low, high, ceiling_lower, "
        "ceiling_upper; with a column participant they are averaged over participants)",
    )
    table_titles = InputMultiObject(
        traits.Str, desc="what each table is (default: the file's name)"
    )
    table_labels = InputMultiObject(
        traits.Str, desc="what the values of each table are, such as 'Spearman ρ' or 'cosine'"
    )
    value_map = File(exists=True, desc="similarity of spheres, 3-D or a volume a model (4-D NIfTI)")
    q_map = File(
        exists=True, requires=["value_map"], desc="q of these, on the same grid, in 0 to 1"
    )
    map_level = traits.Str(
        "q", usedefault=True, desc="what q_map holds, as it is printed: q, or p where it is one"
    )
    map_names = InputMultiObject(traits.Str, desc="models of the volumes of value_map")
    map_label = traits.Str("similarity", usedefault=True, desc="what value_map and regions hold")
    layer_map = File(
        exists=True, desc="number, from 1, of the most similar layer of each voxel (3-D NIfTI)"
    )
    agreement_map = File(
        exists=True, requires=["layer_map"],
        desc="share, 0 to 1, of resampled data that give the same layer (3-D NIfTI)",
    )  # fmt: skip
    layer_names = InputMultiObject(traits.Str, desc="layers of layer_map, from the first")
    background_file = File(
        exists=True, desc="image to draw maps on, on their grid (default: where there are values)"
    )
    space = traits.Str(
        desc="space of the maps, such as MNI152NLin2009cAsym; where given, they are drawn on the "
        "fsaverage5 surface too"
    )
    region_file = File(exists=True, desc="means of regions over participants (TSV, GroupRSA)")
    region_participant_file = File(
        exists=True,
        requires=["region_file"],
        desc="values of participants (TSV: roi, map, mean; GroupRSA)",
    )
    region_values = traits.Enum("mean", "t", usedefault=True, desc="what bars of regions are")
    alpha = traits.Range(
        low=0.0, high=1.0, value=0.05, usedefault=True, desc="largest q or p that is significant"
    )
    methods = traits.Str(
        "", usedefault=True, desc="methods text; citations as [@key] of data/references.bib"
    )


class RSAReportOutputSpec(TraitedSpec):
    """Outputs of `RSAReport`."""

    out_report = File(exists=True, desc="the report: one HTML page that needs no other file")
    figures = traits.List(File(exists=True), desc="the figures of the page (PNG)")
    figure_names = traits.List(
        traits.Str,
        desc="what each is: similarity-<n>, codemaps, codesurface, spherecounts, layers, "
        "layersurface, regions, rdms-<n>, mds-<n>",
    )
