"""Names that users import stay where they are; what is not listed may move."""

from importlib import import_module

import pytest

import eie_backend

PUBLIC = {
    "eie_backend": """
        EieError EncodedMatrix Estimate HardwareConfig LayerRun ModelWarning NotFiniteWarning
        Placement Recipe SaturationWarning Schedule Trace
        __version__ bind_dimensions calibrate compare compile compress encode estimate explain
        export_library from_jax from_onnx from_pytorch from_stablehlo load load_eiez
        onnx_operators paper_recipe profile read_eiez read_recipe register_onnx_operator relay run
        save_eiez simulate simulate_batch target trace trace_layer unregister_onnx_operator
    """,
    "eie_backend.compiler": "build compile prepare",
    "eie_backend.compress": "compress",
    "eie_backend.compress.guards": "Drift guard",
    "eie_backend.compress.report": "CompressionReport Simulated ReportedStep report_from_json",
    "eie_backend.compress.steps": "compression_steps",
    "eie_backend.compress.torch": "LayerState Result RetrainingStep Training retrain",
    "eie_backend.frontend": """
        bind_dimensions from_jax from_onnx from_pytorch from_stablehlo onnx_operators
        register_onnx_operator unregister_onnx_operator
    """,
    "eie_backend.onnx_backend": "EieBackend EieRep prepare run_model run_node supports_device",
    "eie_backend.relay": """
        GraphExecutorFactory GraphModule build frontend graph_executor load_module
    """,
    "eie_backend.relay.frontend": "from_onnx",
    "eie_backend.relay.graph_executor": "GraphModule",
    "eie_backend.report": "page",
    "eie_backend.schedules.intrinsics": "INTRINSICS clear load_bias mvm register write_back",
    "eie_backend.schedules.kernel": "DenseShape dense_kernel",
    "eie_backend.schedules.schedule": "KernelLayer KernelSchedule fewest_tiles",
    "eie_backend.schedules.tensorize": "tensorize",
    "eie_backend.schedules.tile": "choose_tiles tile",
    "eie_backend.simulator": "LayerRun simulate simulate_batch",
    "eie_backend.soft_errors": "BitFlip Campaign FaultRow Struck read_flips strike striking",
    "eie_backend.sweep": """
        Bench Choices Design Outcome Range Row Search Spec Study Sweep read_spec sqlite_url sweep
    """,
    "eie_backend.workloads": """
        EVEN STRUCTURES TABLE_III UNEVEN Layer LayerShape Structure generate read_alex8 structure_of
    """,
}
"""By module. A new name is added; one that goes breaks users, and CHANGELOG says under what name
they find it now."""


@pytest.mark.parametrize("module", PUBLIC)
def test_public_names_are_importable(module):
    if module.endswith(".torch"):
        pytest.importorskip("torch", reason="needs the extra `torch`")
    found = import_module(module)
    gone = [name for name in PUBLIC[module].split() if not hasattr(found, name)]
    assert not gone, f"{module} has no {', '.join(gone)}: users import them from there"


@pytest.mark.parametrize("module", [name for name in PUBLIC if not name.endswith(".torch")])
def test_what_a_module_offers_is_listed(module):
    offered = getattr(import_module(module), "__all__", [])
    unlisted = {*offered} - {*PUBLIC[module].split()}
    assert not unlisted, f"{module} offers what PUBLIC does not list: {sorted(unlisted)}"


def test_the_root_offers_no_name_that_it_does_not_list():
    listed = {name for name in PUBLIC["eie_backend"].split() if name != "__version__"}
    assert listed == {*eie_backend.__all__} == {*dir(eie_backend)}
