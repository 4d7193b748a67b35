"""The model of a row: its fields are the columns of the file and, by their other names, what an API is sent."""

from typing import Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, PrivateAttr
from pydantic.alias_generators import to_camel

R = TypeVar("R", bound="InputRow")


class InputRow(BaseModel):
    """One row of an input file; make a class of it whose fields are the columns.

        class CustomerRow(InputRow):
            key_columns = ("no",)

            no: str = Field(title="No.", pattern=r"C\\d{4}", examples=["C0042"])
            name: str = Field(max_length=100)
            postal_code: str | None = None

    The field `postal_code` is the column "Postal code" (also "postal_code" or "POSTALCODE"), or the one that `title` or
    `alias` names, and is sent as `postalCode`, or as its `alias`. A field without a default has to be filled in.

    `key_columns` are the fields that tell one row from another: no two rows of a file may share them. `decimal_comma`
    says what `1,234` in a text means (True 1.234, False 1234, None: refuse it), `time_zone` in which zone times of day
    are, such as "Europe/Oslo".
    """

    model_config = ConfigDict(
        alias_generator=to_camel, validate_by_name=True, str_strip_whitespace=True, frozen=True, extra="forbid"
    )

    key_columns: ClassVar[tuple[str, ...]] = ()
    decimal_comma: ClassVar[bool | None] = None
    time_zone: ClassVar[str | None] = None

    _row_number: int = PrivateAttr(default=0)
    _sheet_name: str = PrivateAttr(default="")

    @property
    def row_number(self) -> int:
        """The row of the file, as a spreadsheet counts; 0 for a row that comes of no file."""
        return self._row_number

    @property
    def sheet_name(self) -> str:
        """The sheet that it stands on; "" in a text file."""
        return self._sheet_name

    @property
    def row_key(self) -> str:
        """What tells the row from the others, as text; without key columns its number."""
        values = [str(getattr(self, name)) for name in self.key_columns]
        return " / ".join(values) if values else f"row {self.row_number}"

    def payload(self, clear_blank: bool = False) -> dict[str, Any]:
        """Return what is sent: the fields by their names at the API, without those that are blank.

        A blank cell leaves the API's value as it is. With `clear_blank` it empties it; a column that the file does not
        have is left out all the same.
        """
        kept = self.model_fields_set if clear_blank else frozenset[str]()
        left_out = {name for name in type(self).model_fields if name not in kept and getattr(self, name) is None}
        return self.model_dump(by_alias=True, exclude=left_out)


def placed(row: R, sheet_name: str, row_number: int) -> R:
    """Return the row, which now knows where it stands."""
    row._sheet_name, row._row_number = sheet_name, row_number
    return row
