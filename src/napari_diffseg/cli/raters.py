"""`napari-diffseg raters`: projects that several people annotate, and what their reads say."""

from __future__ import annotations

import typer

from napari_diffseg.cli.raters_agree import agree
from napari_diffseg.cli.raters_compare import compare
from napari_diffseg.cli.raters_consensus import consensus_of_raters
from napari_diffseg.cli.raters_exchange import export_project, import_from_lidc
from napari_diffseg.cli.raters_project import add, create, status, trust

app = typer.Typer(help="Several people annotate the same case, blind to one another.", no_args_is_help=True)
app.command("create")(create)
app.command("add")(add)
app.command("trust")(trust)
app.command("status")(status)
app.command("agree")(agree)
app.command("consensus")(consensus_of_raters)
app.command("compare")(compare)
app.command("export")(export_project)
app.command("import-lidc")(import_from_lidc)
