"""``dmn bench``."""

from pathlib import Path
from typing import Annotated, Any

import typer

from dmn_cli.cli.options import (
    CONFIG,
    DataDir,
    Json,
    Overrides,
    Task,
    Threads,
    complete_config,
    load_config,
    print_json,
)
from dmn_cli.cli.text import terminal


def bench(
    config: Annotated[str, typer.Option("--config", "-c", help=CONFIG, autocompletion=complete_config)] = "bench.yaml",
    overrides: Overrides = None,
    task: Task = None,
    batch: Annotated[int | None, typer.Option(min=1, help="The same as --set train.batch_size=N.")] = None,
    data_dir: DataDir = None,
    threads: Threads = 1,
    repeats: Annotated[int, typer.Option(min=1, help="How often each thing is measured, by turns.")] = 7,
    baseline: Annotated[bool, typer.Option(help="Measure the textbook DMN too, which takes longer.")] = True,
    ablate: Annotated[
        bool, typer.Option("--ablate", help="Measure training without each idea that speeds it up.")
    ] = False,
    sweep: Annotated[bool, typer.Option("--sweep", help="Measure how cost grows with facts, size and batch.")] = False,
    plot: Annotated[Path | None, typer.Option(help="Draw the sweep into this file (.svg, .png).")] = None,
    as_json: Json = False,
) -> None:
    """Measure training and evaluation against the machine's matrix product and a textbook DMN in PyTorch."""
    from dmn_cli.report.plots import check_plot

    if plot is not None:
        check_plot(plot)
    from dmn_cli.babi.download import ensure_data
    from dmn_cli.bench import measure

    loaded = load_config(config, overrides, data_dir, data__tasks=task, train__batch_size=batch)
    if loaded.data.source == "babi":
        ensure_data(Path(loaded.data.dir), loaded.data.subset)
    if ablate:
        from dmn_cli.bench import ablate as ablation

        rates = ablation.ablate(loaded, threads, repeats)
        if as_json:
            print_json({name: rate._asdict() for name, rate in rates.items()})
        else:
            _print_ablation({name: rate._asdict() for name, rate in rates.items()}, ablation.without(rates))
        return
    if sweep or plot:
        swept = measure.sweep(loaded, threads, repeats)
        if plot is not None:
            from dmn_cli.report.plots import plot_sweep

            plot_sweep(swept, plot)
        if as_json:
            print_json({"threads": threads, **swept})
        else:
            _print_sweep(swept)
        return
    result = measure.bench(loaded, threads, repeats, baseline)
    if as_json:
        print_json(result)
    else:
        _print(result)


def _print(result: dict[str, Any]) -> None:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for column in ("questions/s", "median", "lowest", "highest", "of the GEMM rate"):
        table.add_column(column, justify="left" if column == "questions/s" else "right")
    shares = {"train": "gemm_share", "train_pytorch": "gemm_share_pytorch"}
    names = {"train_pytorch": "train, PyTorch path", "train_textbook": "train, textbook DMN"}
    for name, rate in result["rates"].items():
        if name != "gemm":
            share = f"{result[shares[name]]:.1%}" if name in shares else ""
            table.add_row(names.get(name, name), *(f"{rate[key]:,.0f}" for key in ("median", "low", "high")), share)
    typer.echo(
        f"task {result['task']}, reader {result['reader']}, batch {result['batch']} by {result['shuffle']}, "
        f"threads {result['threads']}, kernels {result['kernels']}"
    )
    terminal().print(table)
    typer.echo(f"matrix product  {result['gemm_flops'] / 1e9:,.0f} GFLOP/s")
    typer.echo(f"useful work     {result['useful_flop_per_question'] / 1e6:.1f} MFLOP per question")
    if "baseline_ratio" in result:
        typer.echo(f"faster          {result['baseline_ratio']:.1f} times than the textbook DMN")
    typer.echo(f"peak memory     {result['peak_memory_bytes'] / 1e6:,.0f} MB")
    typer.echo("of a training step")
    for part, share in result["parts"].items():
        typer.echo(f"  {share:6.1%}  {part}")


def _print_sweep(swept: dict[str, Any]) -> None:
    for name, points in swept.items():
        done = "forward" if name.endswith("evaluated") else "forward and backward"
        typer.echo(f"{name}: microseconds per question and fact, three passes, {done}")
        for point in points:
            typer.echo(
                f"  {point['size']:>6}  {point['microseconds']:8.2f}  ({point['low']:.2f} – {point['high']:.2f})"
            )


def _print_ablation(rates: dict[str, dict[str, float]], slower: dict[str, float]) -> None:
    for name, rate in rates.items():
        times = f"{slower[name]:.2f} times slower" if name in slower else ""
        typer.echo(f"{name:<42} {rate['median']:>8,.0f} q/s  ({rate['low']:,.0f} – {rate['high']:,.0f})  {times}")
