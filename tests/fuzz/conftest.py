"""Say how many inputs were tried."""

from support.fuzz import TRIED


def pytest_terminal_summary(terminalreporter):
    if not TRIED:
        return
    terminalreporter.section("inputs tried")
    for name, counts in sorted(TRIED.items()):
        terminalreporter.write_line(
            f"{name:40} {counts.total():8,}  taken {counts['taken']:7,}  "
            f"refused {counts['refused']:7,}"
        )
    total = sum(counts.total() for counts in TRIED.values())
    terminalreporter.write_line(f"{'all':40} {total:8,}")
