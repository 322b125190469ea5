// What a guess costs. The chosen tiles share the confidence equally; what is left goes equally to all other codes of the book.

// `picks`: which places of the palette were chosen; `other`: "none of these" was. Returns −log2 of what the true code was given.
function bitsOf({ K, palette, truth }, picks, other, confidence) {
  const shown = palette.filter((code) => code >= 0).length;
  const chosen = picks.size + (other && K > shown ? 1 : 0);
  if (!chosen) return Math.log2(K);
  const left = other ? shown - picks.size : K - picks.size; // codes that nothing was put on
  const sure = left > 0 ? confidence : 1;
  const place = palette.indexOf(truth);
  if (place >= 0 && picks.has(place)) return -Math.log2(sure / chosen);
  if (place < 0 && other) return -Math.log2(sure / chosen / (K - shown));
  return -Math.log2((1 - sure) / left);
}
