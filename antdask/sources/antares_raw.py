"""Raw ANTARES data in ROOT files: events, all-hit frames and counts as the electronics gave them, by declared layouts.

The layout of the real files is not public. The maps that come with antdask (``antares_raw_leaf_1``, ``antares_raw_packed_1``, ``antares_raw_struct_1``) describe the
files of `antdask.simulate` and are marked as assumed; a map of the real ones is another TOML file, and no code.
"""

from __future__ import annotations

from antdask.sources.mapped_root import MappedRoot

SOURCE = MappedRoot("antares_raw", "1")
