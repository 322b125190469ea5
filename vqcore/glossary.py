"""Every technical word and metric: its plain sentence, its exact definition, its values, and where it is computed. No torch here.

Signs: N vectors counted, K codes, D numbers a code, M cells an image, e_k the k-th code, z_e the encoder's output at a cell,
z_q the code put in its place. Formulas are LaTeX between dollar signs. Entropies are in bits, losses as each entry says.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

from vqcore.words.capacity import CAPACITY
from vqcore.words.collapse import COLLAPSE
from vqcore.words.entry import Entry
from vqcore.words.inspect import INSPECT
from vqcore.words.loss import LOSS
from vqcore.words.model import MODEL
from vqcore.words.priors import PRIORS
from vqcore.words.start import START
from vqcore.words.training import TRAINING
from vqcore.words.use import USE

SECTIONS: dict[str, Mapping[str, Entry]] = {
    "Start": START,
    "Model": MODEL,
    "Loss and error": LOSS,
    "Use of codes": USE,
    "A look into the codebook": INSPECT,
    "Collapse": COLLAPSE,
    "Bits and cost": CAPACITY,
    "Priors and sampling": PRIORS,
    "Training": TRAINING,
}
GLOSSARY: dict[str, Entry] = {name: entry for section in SECTIONS.values() for name, entry in section.items()}
BY_FIELD: dict[str, str] = {field: name for name, entry in GLOSSARY.items() for field in entry.fields}


def search(words: str) -> dict[str, Entry]:
    """The entries that hold every word, those with it in the title first; all of them for no words.

    Equations are read as they are said ("log2", "argmin", "gamma"), other names of a word count, and so do parts of words. Case,
    hyphens, Greek letters against their names, and British against American spelling make no difference.
    """
    wanted = _folded(words).split()
    if not wanted:
        return dict(GLOSSARY)
    named: dict[str, Entry] = {}
    titles: dict[str, Entry] = {}
    others: dict[str, Entry] = {}
    for name, (names, title, text) in _texts().items():
        if " ".join(wanted) in names:
            named[name] = GLOSSARY[name]
        elif all(word in title for word in wanted):
            titles[name] = GLOSSARY[name]
        elif all(word in text for word in wanted):
            others[name] = GLOSSARY[name]
    return named | titles | others


@cache
def _texts() -> dict[str, tuple[frozenset[str], str, str]]:
    """Of each entry: its names whole, its name and title, and all that it says."""
    found = {}
    for name, entry in GLOSSARY.items():
        title = _folded(f"{name} {entry.title}")
        names = frozenset(" ".join(_folded(said).split()) for said in (name, entry.title, *entry.plain))
        text = f"{title} {_folded(' '.join((entry.sentence, entry.definition, entry.equation, *entry.plain)))}"
        found[name] = (names, title, text)
    return found


# what only says how an equation is set
_LATEX = re.compile(r"\\(begin|end)\{\w+\}|\\(mathrm|mathbb|text|textstyle|left|right|quad|qquad|mid|frac|Bigl|Bigr|bigl|bigr)(?![a-zA-Z])")
_GREEK = {"α": "alpha", "β": "beta", "γ": "gamma", "λ": "lambda", "τ": "tau", "σ": "sigma", "|": "", "log_2": "log2", "−": "-"}
_SPELT = {"colour": "color", "neighbour": "neighbor", "iz": "is"}  # quantization, quantisation: both sides of a comparison are folded


def _folded(text: str) -> str:
    """Text as it is compared."""
    text = _LATEX.sub(" ", text).casefold()
    for written, said in (_GREEK | _SPELT).items():
        text = text.replace(written, said)
    return re.sub(r"[-–‑\\{}$^,;:.()\[\]/&]+", " ", text).replace("arg min", "argmin")
