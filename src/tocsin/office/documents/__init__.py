"""Documents and pictures that the desks share: charts and maps as SVG, each with its table."""

from tocsin.office.documents.charts import Chart, Share, bars, columns, shares
from tocsin.office.documents.tiles import tile_map

__all__ = ["Chart", "Share", "bars", "columns", "shares", "tile_map"]
