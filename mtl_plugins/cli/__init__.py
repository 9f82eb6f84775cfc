"""The commands of `mtl`, one module each; `main.COMMANDS` lists them."""
