#!/usr/bin/env bash
# Install what the tests in a browser need, where that is possible: Playwright and axe-core for the
# Python that is given, and chromium. Never fails: it says why instead.
#   bash tests/support/install_browser.sh .venv/bin/python
python=${1:-python3}
if ! "$python" -m pip install --quiet 'playwright>=1.49' 2>/dev/null; then
    echo "playwright cannot be installed: the tests in a browser skip."
fi
place=$("$python" -c 'import sys; print(sys.prefix)')/share/fmriprod-tests
if [ ! -s "$place/axe.min.js" ]; then
    scratch=$(mktemp -d)
    if (cd "$scratch" && npm pack --silent axe-core@4 && tar -xzf axe-core-*.tgz) >/dev/null 2>&1; then
        mkdir -p "$place"
        cp "$scratch/package/axe.min.js" "$place/"
    else
        echo "axe-core cannot be had from npm: the tests of accessibility skip."
    fi
    rm -rf "$scratch"
fi
if command -v chromium >/dev/null || command -v chromium-browser >/dev/null ||
    command -v google-chrome >/dev/null; then
    exit 0
fi
run=()
[ "$(id -u)" = 0 ] || run=(sudo -n)
export DEBIAN_FRONTEND=noninteractive
if ! { "${run[@]}" apt-get -qq update &&
    "${run[@]}" apt-get -qq install -y --no-install-recommends chromium fonts-dejavu-core; } \
    >/dev/null 2>&1; then
    echo "chromium cannot be installed: the tests in a browser skip."
fi
exit 0
