"""``fmriprod run ... --study FILE``: the participants of a study, and then the group."""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from fmriprod.cli.dataset import dataset_name, say_left_out, threads
from fmriprod.cli.disk import disk_holds
from fmriprod.cli.dry_run import show_cache_plan
from fmriprod.cli.engines import chosen_engine, submits_jobs
from fmriprod.cli.options import given_model_options
from fmriprod.cli.problems import show_problems
from fmriprod.cli.run_record import record_run, save_methods

if TYPE_CHECKING:
    from fmriprod.workflows.plan_production import ProductionPlan
    from fmriprod.workflows.prepare_production import PreparedProduction


def run_study(args: argparse.Namespace, console: Console) -> int:
    """Check, plan, show the plan, and run a level of a study, or both.

    Participants with errors of their own are left out, and the exit code is 1 then.
    """
    refuse_model_options(args)
    prepared = prepare(args)
    if "group" in args.level and prepared.study is not None:
        from fmriprod.workflows.study_feat import refuse_feat

        refuse_feat(prepared.study)
    if prepared.problems:
        show_problems(prepared.problems, console, root=args.bids_dir)
    if not prepared.plans:
        return 1
    say_left_out(prepared, console)
    show_production_plans(prepared.plans, console)
    code = 0
    if "participant" in args.level:
        if not disk_holds(args, prepared.plans, console) and not args.dry_run:
            return 1
        code = _participants(args, prepared, console)
    later = submits_jobs(args) or args.dry_run  # the group's members are what participants give
    if "group" in args.level and not ("participant" in args.level and later):
        if code:
            console.print("The group was not run: it would be without those that failed. To run "
                          "it so, give the same command with the level group alone.")  # fmt: skip
        else:
            code = _group(args, prepared, console)
    say_left_out(prepared, console)
    return 1 if prepared.left_out else code


def prepare(args: argparse.Namespace, **options: Any) -> "PreparedProduction":
    """Check what the arguments ask for; further options go to `prepare_production`."""
    from fmriprod.workflows.prepare_production import prepare_production

    engines = ("skullstrip_engine", "motion_engine", "coregister_engine")
    return prepare_production(
        args.bids_dir,
        args.study,
        participants=args.participant_label,
        subjects_dir=args.subjects_dir,
        engines=[(f"--{name.replace('_', '-')}", getattr(args, name)) for name in engines],
        out_dir=args.out_dir,
        work_dir=args.work_dir,
        **options,
    )


def refuse_model_options(args: argparse.Namespace) -> None:
    """Refuse options whose place is the study file."""
    from fmriprod.algorithms.checks import InputError

    chosen = {"--task": args.task, "--session-label": args.session_label, "--run": args.runs}
    given = [*given_model_options(args), *(flag for flag, value in chosen.items() if value)]
    if given:
        raise InputError(
            ", ".join(given), expected="no such option with --study", found="given",
            hint="say it in the study file, which holds for all participants",
        )  # fmt: skip


def show_production_plans(plans: Sequence["ProductionPlan"], console: Console) -> None:
    """Print who has which phases, and what was decided."""
    phases = list(dict.fromkeys(name for plan in plans for name in plan.phases))
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("participant", "trained objects", *phases):
        table.add_column(heading)
    for plan in plans:
        counts = [f"{len(plan.phases[p])} runs" if p in plan.phases else "-" for p in phases]
        table.add_row(plan.subject, ", ".join(plan.trained) or "-", *counts)
    console.print(table)
    for plan in plans:
        for decision in plan.decisions:
            line = f"{plan.subject}  note: {decision}"
            console.print(line, markup=False, highlight=False, soft_wrap=True)
    console.print()


def _participants(
    args: argparse.Namespace, prepared: "PreparedProduction", console: Console
) -> int:
    from nipype.pipeline import engine as pe

    from fmriprod.workflows.production_subject import init_production_subject_wf

    if prepared.study.glm.engine == "fsl":
        from fmriprod.workflows.study_feat import standard_brain

        build = feat_builder(args, prepared, standard_brain())
        return execute_study(args, prepared, console, build)
    options = {
        "bids_dir": prepared.root,
        "dataset": dataset_name(prepared.root),
        "omp_nthreads": threads(args, sum(len(plan.runs) for plan in prepared.plans)),
        **{name: getattr(args, name) for name in
           ("skullstrip_engine", "motion_engine", "coregister_engine")},
    }  # fmt: skip

    def build(record_dir: str, out_dir: str) -> pe.Workflow:
        workflow = pe.Workflow(name="fmriprod")
        workflow.add_nodes([
            init_production_subject_wf(
                plan, prepared.study, prepared.regions[plan.subject], out_dir=out_dir,
                record_dir=record_dir, **options,
            )
            for plan in prepared.plans
        ])  # fmt: skip
        return workflow

    return execute_study(args, prepared, console, build)


def feat_builder(
    args: argparse.Namespace, prepared: "PreparedProduction", standard_file: str, **options: Any
) -> Any:
    """Make the function that builds FEAT's graph of all participants."""
    from nipype.pipeline import engine as pe

    from fmriprod.workflows.production_feat import init_production_feat_wf

    def build(record_dir: str, out_dir: str) -> pe.Workflow:
        workflow = pe.Workflow(name="fmriprod")
        for plan in prepared.plans:
            own = init_production_feat_wf(
                plan, prepared.study, out_dir=out_dir, bids_dir=prepared.root,
                record_dir=record_dir, skullstrip_engine=args.skullstrip_engine,
                omp_nthreads=args.omp_nthreads or 1, **options,
            )  # fmt: skip
            own.inputs.inputnode.standard_file = standard_file
            workflow.add_nodes([own])
        return workflow

    return build


def _group(args: argparse.Namespace, prepared: "PreparedProduction", console: Console) -> int:
    from fmriprod.workflows.group_parts import why_no_task_mask
    from fmriprod.workflows.prepare_group import prepare_members
    from fmriprod.workflows.production_group import init_production_group_wf

    members, problems = prepare_members(prepared, args.out_dir)
    if problems:
        show_problems(problems, console, root=args.out_dir)
    if not members:
        return 1
    if note := why_no_task_mask(members, prepared.study):
        console.print(f"note: {note}\n", markup=False, highlight=False, soft_wrap=True)

    def build(record_dir: str, out_dir: str):
        return init_production_group_wf(
            members,
            prepared.study,
            out_dir=out_dir,
            bids_dir=prepared.root,
            record_dir=record_dir,
            missing=[*prepared.left_out, *(p.file.removeprefix("sub-") for p in problems)],
            dataset=dataset_name(prepared.root),
            omp_nthreads=args.omp_nthreads or 1,
        )

    code = execute_study(args, prepared, console, build, level="group")
    return 1 if problems else code


def execute_study(
    args: argparse.Namespace,
    prepared: "PreparedProduction",
    console: Console,
    build: Any,
    *,
    level: str = "participant",
) -> int:
    """Build the graph of a level, and run it with progress and a record."""
    from fmriprod.cli.execute import execute, names_folder, summarise
    from fmriprod.interfaces.dataset_description import write_dataset_description

    out_dir = Path(os.path.abspath(args.out_dir))
    notes = names_folder(out_dir)
    workflow = build(notes, str(out_dir))
    if getattr(args, "dry_run", False):
        show_cache_plan(workflow, out_dir, args.work_dir, console)
        return 0
    write_dataset_description(out_dir, raw_directory=prepared.root)
    if submits_jobs(args):
        from fmriprod.cli.slurm import submit

        everyone = {plan.subject: len(plan.runs) for plan in prepared.plans}
        return submit(args, workflow, everyone if "participant" in args.level else {}, console)
    outcome = execute(
        workflow, out_dir, work_dir=args.work_dir, n_procs=args.n_procs, memory_gb=args.mem_gb,
        engine=chosen_engine(args), clean_work=getattr(args, "clean_work", "none"),
    )  # fmt: skip
    record_run(args, outcome, notes_dir=notes, raw_directory=prepared.root, console=console)
    if not getattr(args, "part_of_array", False):
        save_methods(workflow, out_dir, console, level=level, anew=bool(outcome.executed))
    summarise(outcome, out_dir, console)
    return 0 if outcome.ok else 1
