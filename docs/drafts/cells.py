"""A tiny builder: md(slug, text), code(slug, text, *tags); write(path)."""
import hashlib, json, pathlib, textwrap

class Book:
    def __init__(self, number):
        self.number, self.cells = number, []
    def _id(self, slug):
        return hashlib.sha256(f"{self.number}-{slug}".encode()).hexdigest()[:8]
    def md(self, slug, text):
        self.cells.append({"cell_type": "markdown", "id": self._id(slug), "metadata": {}, "source": self._lines(text)})
    def code(self, slug, text, *tags):
        self.cells.append({"cell_type": "code", "execution_count": None, "id": self._id(slug),
                           "metadata": {"tags": list(tags)} if tags else {}, "outputs": [], "source": self._lines(text)})
    def _lines(self, text):
        return text.strip("\n").splitlines(keepends=True)
    def exercise(self, id, name, arguments=None):
        self.code(f"statement {id}", f'statement("{id}")')
        head = f"def {name}({arguments}):\n    ..." if arguments is not None else f"{name} = ..."
        self.code(f"exercise {id}", f'{head}\n\ncheck("{id}", {name})', "exercise")
    def write(self, path):
        ids = [c["id"] for c in self.cells]
        assert len(set(ids)) == len(ids)
        book = {"cells": self.cells, "metadata": {
            "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
            "language_info": {"file_extension": ".py", "name": "python", "nbconvert_exporter": "python"}},
            "nbformat": 4, "nbformat_minor": 5}
        pathlib.Path(path).write_text(json.dumps(book, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
