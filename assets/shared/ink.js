// Black or white, whichever is read more easily on a colour: three bytes, or CSS's rgb(…).
function inkOn(colour) {
  const bytes = typeof colour === "string" ? colour.match(/\d+/g).map(Number) : colour;
  const [r, g, b] = bytes.map((value) => ((value /= 255) <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.179 ? "#000" : "#fff";
}
