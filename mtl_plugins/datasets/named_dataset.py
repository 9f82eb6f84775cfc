from pathlib import Path

from mtl_plugins.files import read_lines

from .multi_task_dataset import MultiTaskDataset


class NamedDataset(MultiTaskDataset):
    """A dataset whose lists have one name per line; the files of an image have this name in several folders.

    A subclass defines `LIST_FOLDER`, the folder of `<split>.txt`.
    """

    LIST_FOLDER: str

    def names(self) -> list[str]:
        """The names in the list of the split.

        Raises:
            FileNotFoundError: The list does not exist.
        """
        path = self._source()
        if not path.is_file():
            lists = sorted(file.stem for file in path.parent.glob("*.txt")) if path.parent.is_dir() else []
            raise FileNotFoundError(
                f"{self._name()}: the list {path} does not exist; existing splits: {lists or 'none'}. "
                f"{self._how_to_get()}"
            )
        return [line.text.strip() for line in read_lines(path)]

    def _source(self) -> Path:
        return self.data_root / self.LIST_FOLDER / f"{self.split}.txt"
