"""The flat tree ``sel`` that is made from ANTARES DST files, by its declared layout, into stream ``dst``.

Its names and types are those of the public program that writes it; what its columns do not say, and its traps, stand in `antdask.model.antdst_fields`.
"""

from __future__ import annotations

from antdask.sources.mapped_root import MappedRoot

SOURCE = MappedRoot("antdst_sel", "1")
