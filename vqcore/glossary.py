"""Every technical word and metric: its plain sentence, its exact definition, its values, and where it is computed. No torch here.

Signs: N vectors counted, K codes, D numbers a code, M cells an image, e_k the k-th code, z_e the encoder's output at a cell,
z_q the code put in its place. Formulas are LaTeX between dollar signs. Entropies are in bits, losses as each entry says.
"""

from __future__ import annotations

from collections.abc import Mapping

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
    """The entries that hold every word, those with it in the title first; all of them for no words. Case does not count."""
    wanted = words.casefold().split()
    titles: dict[str, Entry] = {}
    others: dict[str, Entry] = {}
    for name, entry in GLOSSARY.items():
        title = f"{name} {entry.title}".casefold()
        text = f"{title} {entry.sentence} {entry.definition} {' '.join(entry.plain)}".casefold()
        if all(word in title for word in wanted):
            titles[name] = entry
        elif all(word in text for word in wanted):
            others[name] = entry
    return titles | others
