"""The chart of outcomes on the summary sheet. Imports openpyxl: import it late."""

from collections.abc import Mapping

from openpyxl.chart import BarChart
from openpyxl.chart.data_source import AxDataSource, NumData, NumDataSource, NumRef, NumVal, StrData, StrRef, StrVal
from openpyxl.chart.label import DataLabelList
from openpyxl.chart.marker import DataPoint
from openpyxl.chart.series import Series
from openpyxl.chart.shapes import GraphicalProperties
from openpyxl.drawing.line import LineProperties
from openpyxl.utils import absolute_coordinate, get_column_letter

from txo_core.reports.picture import BARS
from txo_core.reports.style import LINE


def bar_chart(sheet: str, counts: Mapping[str, int], place: tuple[int, int, int]) -> BarChart:
    """Return the counts as bars with their numbers, the first on top.

    `place` says where they stand: the columns of names and numbers, and the first row. The chart holds them, too, for
    programs that show a workbook without working it out.
    """
    names, numbers, row = place
    chart = BarChart()
    chart.type, chart.gapWidth, chart.legend, chart.roundedCorners = "bar", 45, None, False
    chart.series.append(_series(counts, _area(sheet, names, row, len(counts)), _area(sheet, numbers, row, len(counts))))
    chart.x_axis.delete, chart.y_axis.delete = False, True
    chart.x_axis.scaling.orientation = "maxMin"
    chart.x_axis.majorTickMark = "none"
    chart.x_axis.graphicalProperties = GraphicalProperties(ln=LineProperties(solidFill=LINE))
    chart.y_axis.majorGridlines = None
    chart.y_axis.scaling.min = 0
    chart.graphical_properties = GraphicalProperties(noFill=True, ln=LineProperties(noFill=True))
    return chart


def _series(counts: Mapping[str, int], names: str, numbers: str) -> Series:
    labels = [StrVal(idx=place, v=name) for place, name in enumerate(counts)]
    values = [NumVal(idx=place, v=str(number)) for place, number in enumerate(counts.values())]
    series = Series(idx=0, order=0, spPr=GraphicalProperties(solidFill=BARS["ok"]), invertIfNegative=False)
    series.cat = AxDataSource(strRef=StrRef(f=names, strCache=StrData(ptCount=len(labels), pt=labels)))
    cache = NumData(formatCode="#,##0", ptCount=len(values), pt=values)
    series.val = NumDataSource(numRef=NumRef(f=numbers, numCache=cache))
    series.dPt = [
        DataPoint(idx=place, invertIfNegative=False, spPr=GraphicalProperties(solidFill=BARS.get(name, BARS["ok"])))
        for place, name in enumerate(counts)
    ]
    series.dLbls = DataLabelList(
        showVal=True, showSerName=False, showCatName=False, showLegendKey=False, showPercent=False, showBubbleSize=False
    )
    return series


def _area(sheet: str, column: int, row: int, rows: int) -> str:
    letter = get_column_letter(column)
    return f"'{sheet}'!{absolute_coordinate(f'{letter}{row}:{letter}{row + rows - 1}')}"
