from pathlib import Path

from support import group_tables as simulated

from fmriprod.workflows.group_report import init_group_report_wf


def test_group_is_drawn_and_reported_from_scores_and_accuracy(work):
    scores = simulated.scores()
    workflow = init_group_report_wf(
        study="Drawing", simulated=True, formats=["pdf"], schemes=["4way"]
    )
    workflow.base_dir = str(work)
    workflow.inputs.inputnode.scores_files = [simulated.write(work, "scores", scores)]
    workflow.inputs.inputnode.accuracy_file = simulated.write(
        work, "accuracy", simulated.accuracy(scores)
    )
    graph = workflow.run()
    results = {node.name: node.result.outputs for node in graph.nodes}
    html = Path(results["report"].out_file).read_text()
    assert html.count("<img src") == 2 and "Drawing" in html
    assert [Path(p).name for p in results["figures"].figures] == ["accuracy.pdf", "drawing.pdf"]
