"""``fmriprod completion``: scripts by which a shell completes the command."""

import argparse
import re
from collections.abc import Iterable

_WHERE = {
    "bash": "fmriprod completion bash > ~/.local/share/bash-completion/completions/fmriprod",
    "zsh": "fmriprod completion zsh > DIR/_fmriprod, with DIR in $fpath",
    "fish": "fmriprod completion fish > ~/.config/fish/completions/fmriprod.fish",
}


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add the sub-command."""
    parser = commands.add_parser(
        "completion",
        help="script by which a shell completes this command",
        description="Prints a script for a shell, which then completes commands, options, their "
        "values and files. Once for each version: " + "; ".join(_WHERE.values()) + ".",
    )
    parser.add_argument("shell", choices=sorted(_WHERE))
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the script."""
    from fmriprod.cli.main import build_parser

    makers = {"bash": bash_script, "zsh": zsh_script, "fish": fish_script}
    print(makers[args.shell](build_parser()), end="")
    return 0


def bash_script(parser: argparse.ArgumentParser) -> str:
    """Write the function that bash asks for words."""
    commands = _commands(parser)
    values, words = [], []
    for name, (command, _) in commands.items():
        for action in _options(command):
            if action.choices:
                cases = "|".join(f"{name}:{option}" for option in action.option_strings)
                values.append(f"    {cases}) words='{' '.join(map(str, action.choices))}' ;;")
        offered = [option for action in _options(command) for option in action.option_strings]
        words.append(f"    {name}:-*) words='{' '.join(offered)}' ;;")
        fixed = _fixed_words(command)
        if fixed:  # with nothing typed yet, files; unless no argument is a file
            some = "?*" if len(_positionals(command)) > 1 else "*"
            words.append(f"    {name}:{some}) words='{' '.join(fixed)}' ;;")
    top = " ".join([*commands, *(o for a in _options(parser) for o in a.option_strings)])
    body = "\n".join([
        "# Completion of fmriprod for bash.",
        "_fmriprod() {",
        '  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} words=""',
        "  COMPREPLY=()",
        "  if ((COMP_CWORD == 1)); then",
        f"    COMPREPLY=($(compgen -W '{top}' -- \"$current\"))",
        "    return",
        "  fi",
        '  case "${COMP_WORDS[1]}:$previous" in',
        *values,
        "    *) ;;",
        "  esac",
        '  if [[ -z $words ]]; then case "${COMP_WORDS[1]}:$current" in',
        *words,
        "    *) ;;",
        "  esac; fi",
        '  COMPREPLY=($(compgen -W "$words" -- "$current"))',
        "}",
        "complete -o default -F _fmriprod fmriprod",
    ])  # fmt: skip
    return body + "\n"


def zsh_script(parser: argparse.ArgumentParser) -> str:
    """Write the function that zsh asks for words, with what each is for."""
    commands = _commands(parser)
    top = "\n".join("    " + _zsh_quoted(f"{name}:{text}") for name, (_, text) in commands.items())
    lines = [
        "#compdef fmriprod",
        "# Completion of fmriprod for zsh.",
        "_fmriprod() {",
        "  local -a commands=(",
        top,
        "  )",
        "  if ((CURRENT == 2)); then",
        "    _describe command commands",
        "    _arguments '--help' '--version'",
        "    return",
        "  fi",
        "  local name=$words[2]",
        "  shift words; ((CURRENT--))",
        '  case "$name" in',
    ]
    for name, (command, _) in commands.items():
        rest = " ".join(_fixed_words(command))
        specs = [_zsh_option(option, action)
                 for action in _options(command) for option in action.option_strings]  # fmt: skip
        specs.append(f"'*:word:{{compadd {rest}; _files}}'" if rest else "'*:file:_files'")
        lines += [f"    {name}) _arguments \\", *(f"      {spec} \\" for spec in specs), "      ;;"]
    lines += ["  esac", "}", 'if [[ $funcstack[1] == _fmriprod ]]; then _fmriprod "$@"',
              "else compdef _fmriprod fmriprod; fi"]  # fmt: skip
    return "\n".join(lines) + "\n"


def _zsh_option(option: str, action: argparse.Action) -> str:
    text = re.sub(r"([\[\]:])", r"\\\1", _help(action))
    value = ""
    if action.nargs != 0:
        choices = " ".join(map(str, action.choices or ()))
        value = f":value:({choices})" if choices else ":value:_files"
    return _zsh_quoted(f"*{option}[{text}]{value}")


def _zsh_quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def fish_script(parser: argparse.ArgumentParser) -> str:
    """Write the lines by which fish knows the words, with what each is for."""
    commands = _commands(parser)
    lines = ["# Completion of fmriprod for fish.", "complete -c fmriprod -e"]
    first, after = "__fish_use_subcommand", "__fish_seen_subcommand_from"
    for action in _options(parser):
        lines.append(f"complete -c fmriprod -n {first} {_fish_option(action)}")
    for name, (_, text) in commands.items():
        lines.append(f"complete -c fmriprod -n {first} -f -a {name} -d {_fish_quoted(text)}")
    for name, (command, _) in commands.items():
        where = f"complete -c fmriprod -n '{after} {name}'"
        lines += [f"{where} {_fish_option(action)}" for action in _options(command)]
        lines += [f"{where} -a {_fish_quoted(word)}" for word in _fixed_words(command)]
    return "\n".join(lines) + "\n"


def _fish_option(action: argparse.Action) -> str:
    names = [f"-l {o[2:]}" if o.startswith("--") else f"-s {o[1:]}" for o in action.option_strings]
    if action.choices:
        names.append(f"-x -a {_fish_quoted(' '.join(map(str, action.choices)))}")
    elif action.nargs != 0:
        names.append("-r")
    return f"{' '.join(names)} -d {_fish_quoted(_help(action))}"


def _fish_quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _commands(
    parser: argparse.ArgumentParser,
) -> dict[str, tuple[argparse.ArgumentParser, str]]:
    """Parser and help of each command, as the main help lists them."""
    (action,) = (a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
    texts = {entry.dest: entry.help or "" for entry in action._choices_actions}
    return {name: (command, texts[name]) for name, command in action.choices.items()}


def _options(parser: argparse.ArgumentParser) -> Iterable[argparse.Action]:
    return [a for a in parser._actions if a.option_strings and a.help != argparse.SUPPRESS]


def _fixed_words(parser: argparse.ArgumentParser) -> list[str]:
    """Words that arguments without a name may be: participant, group."""
    return [str(word) for action in _positionals(parser) for word in action.choices or ()]


def _positionals(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    return [action for action in parser._actions if not action.option_strings]


def _help(action: argparse.Action) -> str:
    """First words of a help, without the places where argparse puts defaults."""
    text = re.sub(r"\s*\([^()]*%\([^()]*\)[^()]*\)", "", action.help or "")
    text = re.sub(r"%\(\w+\)\w", "", text).replace("%%", "%")
    return text if len(text) <= 70 else text[:67].rsplit(" ", 1)[0] + " ..."
