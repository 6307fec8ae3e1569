"""The settings files of FEAT (``.fsf``, version 6.00): write them, read them, check them.

Settings are a dictionary from names as FEAT writes them (``"fmri(tr)"``, ``"feat_files(1)"``) to
numbers, text (quoted in the file) and `Word` (not quoted).
"""

import re
from collections.abc import Mapping, Sequence

from fmriprod.algorithms.checks import InputError

Settings = dict[str, int | float | str]
"""Names as FEAT writes them, in the order of the file."""

_LINE = re.compile(r'set\s+(?P<name>\w+\([^)\s]+\))\s+(?:"(?P<text>[^"]*)"|(?P<bare>\S+))\s*$')
_UNFIT = re.compile(r"[\"\\$\[\]{}\x00-\x1f]")  # FEAT reads the file as a Tcl script
_PATHS = re.compile(
    r"feat_files|highres_files|fmri\((regstandard|outputdir|custom\d+|alternative_mask|init_\w+)\)"
)


class Word(str):
    """A value that FEAT writes without quotes: ``orig``, ``BBR``, ``y-``."""

    __slots__ = ()


def render_fsf(settings: Mapping[str, int | float | str]) -> str:
    """Write settings as FEAT reads them, one a line.

    Parameters
    ----------
    settings : mapping
        As `fmriprod.algorithms.fsf_levels` makes them.

    Returns
    -------
    str
        `parse_fsf` gives the same settings back.

    Raises
    ------
    InputError
        If a text has a sign that FEAT's language would act on, or a path has a space.

    Examples
    --------
    >>> print(render_fsf({"fmri(tr)": 1.5, "fmri(con_mode)": Word("orig")}), end="")
    set fmri(tr) 1.5
    set fmri(con_mode) orig
    """
    lines = []
    for name, value in settings.items():
        if isinstance(value, str):
            _check_text(name, value)
            value = value if isinstance(value, Word) else f'"{value}"'
        else:
            value = f"{value:.10g}"
        lines.append(f"set {name} {value}\n")
    return "".join(lines)


def parse_fsf(text: str) -> Settings:
    r"""Read the settings of a ``.fsf`` file; comments and empty lines are skipped.

    Raises
    ------
    InputError
        For a line that is no setting, and a setting that is there twice.

    Examples
    --------
    >>> parse_fsf('# Smoothing\nset fmri(smooth) 3.0\nset fmri(evtitle1) "bed"\n')
    {'fmri(smooth)': 3.0, 'fmri(evtitle1)': 'bed'}
    """
    settings: Settings = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _LINE.match(line.strip())
        if match is None or match["name"] in settings:
            raise InputError(
                "fsf",
                expected="lines such as 'set fmri(tr) 1.5', each setting once",
                found=f"line {number}: {line.strip()!r}" + (" again" if match else ""),
                hint="write the file anew, or mend that line",
            )
        value = match["text"] if match["text"] is not None else _bare(match["name"], match["bare"])
        settings[match["name"]] = value
    return settings


def missing_settings(settings: Mapping[str, int | float | str]) -> list[str]:
    """List what FEAT needs for a complete file of this level, and is not there.

    The names follow from the level and the numbers of inputs, regressors and contrasts that
    the settings state.
    """
    return [name for name in needed_settings(settings) if name not in settings]


def needed_settings(settings: Mapping[str, int | float | str]) -> list[str]:
    """List the settings of a complete file with these numbers of inputs, regressors, contrasts."""

    def count(name: str) -> int:
        return int(float(settings.get(f"fmri({name})", 0)))

    def series(n: int) -> range:
        return range(1, n + 1)

    first = count("level") == 1
    events, real, contrasts = count("evs_orig"), count("evs_real"), count("ncon_real")
    names = [f"fmri({name})" for name in _GENERAL.split()]
    names += [f"feat_files({i})" for i in series(count("multiple"))]
    if first:
        names += ["fmri(totalVoxels)", "highres_files(1)"]
    else:
        names += [f"fmri(copeinput.{i})" for i in series(count("ncopeinputs"))]
        names += [f"fmri(groupmem.{i})" for i in series(count("multiple"))]
        names += [f"fmri(evg{i}.{j})" for i in series(count("multiple")) for j in series(events)]
    for i in series(events):
        names += [f"fmri({name}{i})" for name in _EVENT.split()]
        names += [f"fmri(ortho{i}.{j})" for j in range(events + 1)]
    kinds = {"real": (contrasts, real)} | ({"orig": (count("ncon_orig"), events)} if first else {})
    for kind, (n_rows, n_columns) in kinds.items():
        for i in series(n_rows):
            names += [f"fmri(conpic_{kind}.{i})", f"fmri(conname_{kind}.{i})"]
            names += [f"fmri(con_{kind}{i}.{j})" for j in series(n_columns)]
    pairs = [(i, j) for i in series(contrasts) for j in series(contrasts) if i != j]
    return [*names, *(f"fmri(conmask{i}_{j})" for i, j in [*pairs, (1, 1)])]


def named_paths(settings: Mapping[str, int | float | str]) -> dict[str, str]:
    """Choose the settings that name files or folders, the output folder too; not empty ones."""
    return {
        name: str(value)
        for name, value in settings.items()
        if _PATHS.match(name) and value not in ("", "dummy")
    }


def three_columns(onset: Sequence[float], duration: Sequence[float]) -> str:
    r"""Write events in FEAT's format of three columns: onset and duration in s, height 1.

    Examples
    --------
    >>> three_columns([12.0, 15.5], [1.0, 1.0])
    '12\t1\t1\n15.5\t1\t1\n'
    """
    return "".join(f"{o:.10g}\t{d:.10g}\t1\n" for o, d in zip(onset, duration, strict=True))


def _bare(name: str, text: str) -> int | float | Word:
    if name == "fmri(version)":  # 6.00 is a name
        return Word(text)
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return Word(text)


def _check_text(name: str, value: str) -> None:
    path = name in named_paths({name: value})
    if _UNFIT.search(value) or (path and (" " in value or not value.startswith("/"))):
        raise InputError(
            "fsf",
            expected="an absolute path without spaces" if path else "plain text",
            found=f"{name}: {value!r}",
            hint='FEAT cannot read spaces in paths, nor any of " \\ $ [ ] { }: rename it',
        )


_GENERAL = """
version inmelodic level analysis relative_yn help_yn featwatcher_yn sscleanup_yn outputdir tr npts
ndelete tagfirst multiple inputtype filtering_yn brain_thresh critical_z noise noisear mc sh_yn
regunwarp_yn gdc dwell te signallossthresh unwarp_dir st st_file bet_yn smooth norm_yn perfsub_yn
temphp_yn templp_yn melodic_yn stats_yn prewhiten_yn motionevs motionevsbeta scriptevsbeta robust_yn
mixed_yn randomisePermutations evs_orig evs_real evs_vox ncon_orig ncon_real nftests_orig
nftests_real constcol poststats_yn threshmask thresh prob_thresh z_thresh zdisplay zmin zmax
rendertype bgimage tsplot_yn reginitial_highres_yn reginitial_highres_search
reginitial_highres_dof reghighres_yn reghighres_search reghighres_dof regstandard_yn
alternateReference_yn regstandard regstandard_search regstandard_dof regstandard_nonlinear_yn
regstandard_nonlinear_warpres paradigm_hp ncopeinputs confoundevs con_mode_old con_mode
conmask_zerothresh_yn alternative_mask init_initial_highres init_highres init_standard overwrite_yn
"""
_EVENT = "evtitle shape convolve convolve_phase tempfilt_yn deriv_yn custom"
