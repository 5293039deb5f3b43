"""`type: sync_from_collection` - downloads photo collections into dataset folders."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from schema.option import REQUIRED, Section, opt
from schema.sections.processes.base import Named, OnDevice

_GROUP = "Image collection download"


class Collection(Section):
    """One entry of `dataset_sync`."""

    host: Literal["unsplash", "pexels"] = opt(
        REQUIRED,
        "Photo site",
        "Site that hosts the collection.",
        group=_GROUP,
        tier="advanced",
        choices={"unsplash": "unsplash.com", "pexels": "pexels.com"},
    )
    collection_id: str = opt(
        REQUIRED,
        "Collection id",
        "Id of the collection on the site.",
        group=_GROUP,
        tier="advanced",
        min_length=1,
    )
    directory: str = opt(
        REQUIRED,
        "Target folder",
        "Dataset folder; photos go into its subfolder raw.",
        group=_GROUP,
        tier="advanced",
        editor="folder",
        min_length=1,
    )
    api_key: str = opt(
        REQUIRED,
        "API key",
        "Your key for the photo site. Better write ${VARIABLE} than the key itself.",
        group=_GROUP,
        tier="advanced",
        editor="secret",
        detail="Never shown or logged.",
        min_length=1,
    )
    min_width: int | None = opt(
        None,
        "Minimum width",
        "Photos narrower than this are skipped, for this collection.",
        group=_GROUP,
        tier="advanced",
        unit="pixels",
        inherits="min_width",
        ge=1,
    )
    min_height: int | None = opt(
        None,
        "Minimum height",
        "Photos lower than this are skipped, for this collection.",
        group=_GROUP,
        tier="advanced",
        unit="pixels",
        inherits="min_height",
        ge=1,
    )


class CollectionProcess(Named, OnDevice):
    """`type: sync_from_collection`."""

    kind: ClassVar[str] = "sync_from_collection"
    kinds: ClassVar[tuple[str, ...]] = ("sync_from_collection",)

    dataset_sync: Annotated[list[Collection], Field(min_length=1)] = opt(
        REQUIRED,
        "Collections",
        "Online photo collections to download into dataset folders.",
        group=_GROUP,
        tier="advanced",
        detail="Photos that are there already are skipped; new ones arrive in a folder of their "
        "own and are moved to raw at the end. A failing collection does not stop the others.",
    )
    min_width: int = opt(
        1024,
        "Minimum width",
        "Photos narrower than this are skipped.",
        group=_GROUP,
        tier="advanced",
        unit="pixels",
        detail="The photo is asked for at a size whose shorter side has the minimum.",
        ge=1,
    )
    min_height: int = opt(
        1024,
        "Minimum height",
        "Photos lower than this are skipped.",
        group=_GROUP,
        tier="advanced",
        unit="pixels",
        ge=1,
    )
