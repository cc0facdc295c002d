"""How an update of some columns is written: as whole rows, or as columns beside what stays.

    rows     m · b         m rows are updated, each of b bytes, whole, with the pictures that they hold
    columns  t · c         the columns, of c bytes a row, of all t rows of the fragments that are touched

Rows of text and vectors are small, and an update of a few is best written as rows. A row that holds its
picture has a hundred times the bytes of its vectors: written as rows, an index of such a catalogue would
take the disk space of all pictures once more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from openautoglm.catalog.schema import ID

if TYPE_CHECKING:
    import lance

_ADDRESS = "_rowaddr"
_FRAGMENT_BITS = 32


def cheaper_by_columns(dataset: lance.LanceDataset, update: pa.Table) -> bool:
    """Tell whether an update of rows that exist writes fewer bytes as columns.

    Args:
        dataset: the table at its latest commit.
        update: `id` and the columns to write, which are not all that there are.
    """
    indexed = {name for one in dataset.describe_indices() for name in one.field_names}
    if update.num_columns < 2 or not indexed.isdisjoint(update.column_names):
        # An index forgets all rows of a fragment one of whose columns it covers was written anew.
        return False
    fragments = {one.fragment_id: one for one in dataset.get_fragments()}
    rows = sum(one.physical_rows for one in fragments.values())
    stored = sum(file.file_size_bytes or 0 for one in fragments.values() for file in one.data_files())
    whole, columns = stored / max(rows, 1), update.nbytes / max(update.num_rows, 1)
    if whole <= columns:  # most tables, and it spares them the look at where the rows are
        return False
    ids = dataset.to_table(columns=[ID], with_row_address=True)
    mine = ids.filter(pc.is_in(ids[ID], value_set=update[ID].combine_chunks()))
    touched = pc.unique(pc.shift_right(mine[_ADDRESS], pa.scalar(_FRAGMENT_BITS, pa.uint64()))).to_pylist()
    return sum(fragments[one].physical_rows for one in touched) * columns < mine.num_rows * whole
