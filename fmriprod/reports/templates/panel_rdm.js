panels.rdm = function (root, data, label) {
  var n = data.conditions.length, shown = 0, at = [Math.min(1, n - 1), 0];
  if (data.names.length > 1) {
    var choice = make("select", make("label", make("div", root, "", { "class": "controls" }), "RDM"));
    data.names.forEach(function (name, i) { make("option", choice, name, { value: i }); });
    choice.addEventListener("change", function () { shown = Number(choice.value); paint(); tell(); });
  }
  var place = stage(root, label + ": " + n + " conditions, arrow keys move the cell");
  var canvas = make("canvas", place, "", { width: n, height: n, "aria-hidden": "true" });
  var cell = make("div", place, "", { "class": "cell" });
  var words = readout(root);
  var colours = data.colours.map(bytes), low = data.limits[0], high = data.limits[1];
  bar(root, data.colours, said(low), said(high), data.what);

  function value(row, column) {
    if (row === column) { return undefined; }
    var i = Math.min(row, column), k = Math.max(row, column);
    return data.rdms[shown][i * (2 * n - i - 1) / 2 + k - i - 1];
  }

  function paint() {
    var context = canvas.getContext("2d"), picture = context.createImageData(n, n);
    for (var row = 0; row < n; row += 1) {
      for (var column = 0; column < n; column += 1) {
        var v = value(row, column), o = 4 * (row * n + column), rgb = [200, 200, 200];
        if (v === undefined || (data.lower && column > row)) { rgb = [255, 255, 255]; }
        else if (v !== null) {
          var part = high > low ? (v - low) / (high - low) : 0;
          rgb = colours[clamp(Math.round(part * (colours.length - 1)), 0, colours.length - 1)];
        }
        picture.data.set([rgb[0], rgb[1], rgb[2], 255], o);
      }
    }
    context.putImageData(picture, 0, 0);
  }

  function named(i) {
    return data.conditions[i] + (data.groups ? " (" + data.groups[i] + ")" : "");
  }

  function tell() {
    var v = value(at[0], at[1]);
    cell.style.cssText = "left:" + 100 * at[1] / n + "%;top:" + 100 * at[0] / n + "%;width:" +
      100 / n + "%;height:" + 100 / n + "%";
    if (v === undefined) { words.textContent = named(at[0]) + " with itself."; return; }
    var known = data.rdms[shown].filter(function (x) { return x !== null; });
    var below = known.filter(function (x) { return x < v; }).length;
    words.textContent = named(at[0]) + " – " + named(at[1]) + ": " + said(v) + " " + data.what +
      (v === null || known.length < 2 ? "." : "; larger than " + Math.round(100 * below / (known.length - 1)) +
        " % of the other pairs" + (data.names.length > 1 ? " of " + data.names[shown] : "") + ".");
  }

  function go(row, column) {
    at = [clamp(row, 0, n - 1), clamp(column, 0, n - 1)];
    tell();
  }
  pointed(place, function (x, y) { go(Math.floor(y * n), Math.floor(x * n)); });
  keys(place, {
    ArrowUp: function () { go(at[0] - 1, at[1]); }, ArrowDown: function () { go(at[0] + 1, at[1]); },
    ArrowLeft: function () { go(at[0], at[1] - 1); }, ArrowRight: function () { go(at[0], at[1] + 1); },
    Home: function () { go(at[0], 0); }, End: function () { go(at[0], n - 1); }
  });
  paint();
  tell();
};
