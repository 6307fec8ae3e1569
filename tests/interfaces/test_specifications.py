"""Every interface of the package keeps the conventions that Nipype users rely on."""

import importlib
import inspect
import pkgutil
import re
from importlib.metadata import requires

import nipype.pipeline.engine as pe
import pytest

import fmriprod.interfaces
from fmriprod.interfaces.base import PythonInterface

KNOWN_METADATA = {
    "desc", "mandatory", "usedefault", "nohash", "xor", "requires", "units", "deprecated",
    "new_name", "array", "copy", "type", "default", "copyfile", "minlen", "maxlen", "rich_compare",
    "extensions", "parent", "trait_added_event", "comparison_mode", "editor", "hash_files",
    "hash_name", "hash_path",
}  # fmt: skip


def all_interfaces():
    found = {}
    for module in pkgutil.walk_packages(fmriprod.interfaces.__path__, "fmriprod.interfaces."):
        loaded = importlib.import_module(module.name)
        for name, member in inspect.getmembers(loaded, inspect.isclass):
            if issubclass(member, PythonInterface) and member.__module__ == module.name:
                found[name] = member
    return {name: member for name, member in found.items() if member.output_spec is not None}


INTERFACES = all_interfaces()
OWN_TRAITS = {"trait_added", "trait_modified"}


@pytest.fixture(params=sorted(INTERFACES))
def interface(request):
    return INTERFACES[request.param]


def spec_traits(spec):
    return {name: t for name, t in spec().traits().items() if name not in OWN_TRAITS}


def test_there_are_interfaces():
    assert "Reorient" in INTERFACES


def test_libraries_are_those_that_the_package_asks_for(interface):
    """A name with a slip would never be installed, and so never be part of a key."""
    asked = {re.match(r"[\w.-]+", text)[0].lower() for text in requires("fmriprod")}
    assert {name.lower() for name in interface._libraries} <= {*asked, "fmriprod"}


def test_every_trait_is_described_and_has_known_metadata(interface):
    for spec in (interface.input_spec, interface.output_spec):
        for name, trait in spec_traits(spec).items():
            assert trait.desc, f"{interface.__name__}.{name} has no desc"
            unknown = set(trait.__dict__ or {}) - KNOWN_METADATA
            assert not unknown, f"{interface.__name__}.{name}: unknown metadata {unknown}"
            assert trait.mandatory is not False, f"{name}: leave mandatory=False out"


def test_defaults_are_used(interface):
    """A default without usedefault reads like a default and is none."""
    for name, trait in spec_traits(interface.input_spec).items():
        if (
            trait.default not in (None, "", 0, 0.0, False, [], {})
            and str(trait.default) != "<undefined>"
        ):
            assert trait.usedefault, f"{interface.__name__}.{name} has a default that is not used"


def test_class_is_documented_and_lives_in_a_node(interface):
    assert interface.__doc__ and interface.__doc__ != PythonInterface.__doc__
    node = pe.Node(interface(), name="step", n_procs=3)
    assert node.interface.inputs.num_threads == 3
    assert interface.__name__ in node.interface.inputs.algorithm_version


def test_threads_do_not_change_the_cache_key_but_the_version_does(interface, monkeypatch):
    one, two = interface(num_threads=1), interface(num_threads=2)
    assert one.inputs.get_hashval()[1] == two.inputs.get_hashval()[1]
    monkeypatch.setattr(interface, "_algorithm_version", "other")
    assert interface().inputs.get_hashval()[1] != one.inputs.get_hashval()[1]


def test_inputs_are_files_numbers_strings_and_short_lists(interface):
    allowed = {
        "File", "Str", "String", "Int", "Float", "Bool", "Enum", "Range", "List", "Tuple",
        "Directory", "InputMultiObject", "BaseRange", "Either", "Union",
    }  # fmt: skip
    for name, trait in spec_traits(interface.input_spec).items():
        kind = type(trait.trait_type).__name__
        assert kind in allowed, f"{interface.__name__}.{name} is a {kind}"
