"""Documents and pictures that the desks share: charts and maps as SVG, each with its table."""

from tocsin.office.documents.charts import Chart, bars, columns
from tocsin.office.documents.tiles import tile_map

__all__ = ["Chart", "bars", "columns", "tile_map"]
