"""File and folder names that break shells, logs, URIs and parsers when they are not quoted.

Each is one path component that Linux allows: no slash, no NUL, at most 255 bytes. Join it under
a temporary folder and use it as an output, work or data folder.
"""

NASTY_NAMES = {
    "space": "two words",
    "edge_spaces": " before and after ",
    "single_quote": "it's",
    "double_quote": 'say "so"',
    "both_quotes": """a'b"c""",
    "newline": "first\nsecond",
    "tab": "left\tright",
    "carriage_return": "left\rright",
    "semicolon": "a;touch INJECTED;b",
    "ampersand": "a&touch INJECTED&b",
    "pipe": "a|touch INJECTED",
    "dollar": "$(touch INJECTED)",
    "backtick": "`touch INJECTED`",
    "variable": "$HOME ${PATH}",
    "redirect": "a > INJECTED",
    "glob": "*?[a-z]",
    "braces": "{a,b}",
    "percent": "%s %d %(name)s %A_%a_%j",  # the last ones are SLURM's patterns in file names
    "format": "{} {0} {name}",
    "backslash": "a\\nb\\",
    "hash": "#comment",
    "tilde": "~root",
    "leading_dash": "-rf",
    "long_dash": "--output-dir=x",
    "dot": ".hidden",
    "markup": "<script>alert(1)</script>".replace("/", "∕"),
    "entity": "a&lt;b&amp;c",
    "umlaut": "Prüfung_größe",
    "decomposed": "Pru\u0308fung",  # the other normal form of the same word
    "cjk": "研究データ",
    "emoji": "🧠",
    "right_to_left": "\u202egnp.txt",
    "zero_width": "a\u200bb",
    "colon": "bids:raw:x",
    "at": "user@host",
    "equals": "key=value",
    "comma": "a,b",
    "escape": "\x1b[31mred",
    "long": "n" * 120,
}
"""Kind of trap -> name. ``touch INJECTED`` leaves a file where a shell ran a name."""

SHELL_NAMES = tuple(
    NASTY_NAMES[kind]
    for kind in (
        "space", "both_quotes", "newline", "semicolon", "dollar", "backtick", "glob", "percent",
        "leading_dash", "umlaut",
    )
)  # fmt: skip
"""The few that matter most, for tests in which each name costs seconds."""
