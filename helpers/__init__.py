"""Small helpers behind the workbook's notebooks: everything a notebook needs that is not its subject."""

import sys

__version__ = "0.1.0"


class HalfImported:
    """Says in a sentence that a library cannot be imported again which an interrupt left half imported."""

    @staticmethod
    def find_spec(name, *_) -> None:
        watched = name in ("matplotlib", "numpy", "torch")
        if watched and any(part.startswith(f"{name}.") for part in sys.modules):
            raise ImportError(f"The import of {name} was interrupted: restart the kernel and try again.")


sys.meta_path.insert(0, HalfImported)  # asked for what is not imported, or no longer since an interrupt
