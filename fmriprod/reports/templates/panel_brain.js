panels.brain = function (root, data, label) {
  var shape = data.shape, at = data.start.slice(), ground = null, map = null, mask = null, shown = 0;
  var colours = data.colours.map(bytes), words, scaleOf, slider, amount, most = Math.max.apply(null, shape);
  var scale = Math.max(3, Math.ceil(300 / most)), size = Math.max(12, Math.round(0.05 * most * scale));
  var controls = make("div", root, "", { "class": "controls" });
  if (data.maps.length > 1) {
    var choice = make("select", make("label", controls, "Map"));
    data.maps.forEach(function (entry, i) { make("option", choice, entry.name, { value: i }); });
    choice.addEventListener("change", function () { load(Number(choice.value)); });
  }
  if (data.maps.length) {
    var holder = make("label", controls, "Shown from");
    slider = make("input", holder, "", { type: "range", min: 0, step: "any" });
    amount = make("span", holder, "", { "class": "amount" });
    slider.addEventListener("input", paint);
  }
  // Across which axis, and which axes run to the right and upwards.
  var views = [["sagittal", 0, 1, 2], ["coronal", 1, 0, 2], ["axial", 2, 0, 1]];
  var ends = [["L", "R"], ["P", "A"], ["I", "S"]];
  var line = make("div", root, "", { "class": "views" });
  line.style.setProperty("--widths", shape[1] + "fr " + shape[0] + "fr " + shape[0] + "fr");
  var canvases = views.map(function (view) {
    var across = view[1], right = view[2], up = view[3];
    var place = stage(line, label + ": " + view[0] + " plane, arrow keys move the cross");
    var canvas = make("canvas", place, "", {
      width: shape[right] * scale, height: shape[up] * scale, "aria-hidden": "true"
    });
    pointed(canvas, function (x, y, event) {
      if (event.type === "pointermove" && !event.buttons) { return; }
      go(right, Math.floor(x * shape[right]), up, Math.floor((1 - y) * shape[up]));
    });
    function by(axis, step) { return function () { go(axis, at[axis] + step); }; }
    keys(place, {
      ArrowLeft: by(right, -1), ArrowRight: by(right, 1), ArrowUp: by(up, 1),
      ArrowDown: by(up, -1), PageUp: by(across, 1), PageDown: by(across, -1)
    });
    return canvas;
  });
  words = readout(root);

  function go(axis, value, other, second) {
    at[axis] = clamp(value, 0, shape[axis] - 1);
    if (other !== undefined) { at[other] = clamp(second, 0, shape[other] - 1); }
    paint();
  }

  // Axial slices lie side by side in the picture.
  function number(sheet, i, j, k) {
    var columns = sheet.width / shape[0];
    return sheet.all[(Math.floor(k / columns) * shape[1] + j) * sheet.width + (k % columns) * shape[0] + i];
  }
  function value(i, j, k) {
    var raw = map ? number(map, i, j, k) : 0;
    return raw === 0 ? null : (raw - 128) / 127 * data.maps[shown].top;
  }
  function exact(v, top) {  // as many digits as the 127 steps of a map allow
    return v.toFixed(clamp(Math.round(-Math.log10(top / 127)), 0, 6)).replace("-", "−");
  }
  function mm(axis) { return Math.round(data.origin[axis] + data.step * at[axis]); }

  function draw(canvas, across, right, up) {
    var w = shape[right], h = shape[up], p = at.slice(), low = slider ? Number(slider.value) : 0;
    var under = new ImageData(w, h), over = new ImageData(w, h), inside = [];
    for (var y = 0; y < h; y += 1) {
      for (var x = 0; x < w; x += 1) {
        p[right] = x; p[up] = h - 1 - y;
        var o = 4 * (y * w + x), g = number(ground, p[0], p[1], p[2]), v = value(p[0], p[1], p[2]);
        under.data.set([g, g, g, 255], o);
        if (v !== null && v !== 0 && Math.abs(v) >= low) {
          var c = colours[Math.round((v / data.maps[shown].top + 1) / 2 * (colours.length - 1))];
          over.data.set([c[0], c[1], c[2], 255], o);
        }
        if (mask) { inside[y * w + x] = number(mask, p[0], p[1], p[2]) > 0; }
      }
    }
    var context = canvas.getContext("2d"), sheet = document.createElement("canvas");
    sheet.width = w; sheet.height = h;
    [under, over].forEach(function (picture, i) {
      sheet.getContext("2d").putImageData(picture, 0, 0);
      context.imageSmoothingEnabled = i === 0;
      context.drawImage(sheet, 0, 0, w * scale, h * scale);
    });
    if (mask) { outline(context, inside, w, h); }
    var left = (at[right] + 0.5) * scale, top = (h - at[up] - 0.5) * scale;
    context.strokeStyle = "rgba(255,255,255,.75)"; context.lineWidth = 1;
    context.beginPath();
    context.moveTo(left, 0); context.lineTo(left, h * scale);
    context.moveTo(0, top); context.lineTo(w * scale, top);
    context.stroke();
    context.fillStyle = "#fff"; context.font = "bold " + size + "px sans-serif";
    context.textBaseline = "top";
    context.fillText(ends[right][0], 3, 3);
    context.textAlign = "right"; context.fillText(ends[right][1], w * scale - 3, 3);
    context.textBaseline = "bottom"; context.textAlign = "left";
    context.fillText("xyz"[across] + " = " + String(mm(across)).replace("-", "−"), 3, h * scale - 3);
  }

  function outline(context, inside, w, h) {
    context.strokeStyle = "#7CFF9B"; context.lineWidth = 1.5; context.beginPath();
    inside.forEach(function (on, i) {
      if (!on) { return; }
      var x = i % w, y = Math.floor(i / w), s = scale;
      function edge(neighbour, x0, y0, x1, y1) {
        if (!neighbour) { context.moveTo(x0 * s, y0 * s); context.lineTo(x1 * s, y1 * s); }
      }
      edge(x > 0 && inside[i - 1], x, y, x, y + 1);
      edge(x < w - 1 && inside[i + 1], x + 1, y, x + 1, y + 1);
      edge(y > 0 && inside[i - w], x, y, x + 1, y);
      edge(y < h - 1 && inside[i + w], x, y + 1, x + 1, y + 1);
    });
    context.stroke();
  }

  function paint() {
    if (!ground || (data.maps.length && !map) || (data.mask && !mask)) { return; }
    views.forEach(function (view, i) { draw(canvases[i], view[1], view[2], view[3]); });
    var place = ["x", "y", "z"].map(function (name, i) { return name + " " + String(mm(i)).replace("-", "−"); });
    var facts = place.join(", ") + " mm";
    if (map) {
      var entry = data.maps[shown], v = value(at[0], at[1], at[2]);
      facts += ": " + (v === null ? "no value" : (entry.what || "value") + " " + exact(v, entry.top)) +
        (data.maps.length > 1 ? " (" + entry.name + ")" : "");
      amount.textContent = "|" + (entry.what || "value") + "| ≥ " + said(Number(slider.value), 2);
    }
    if (mask) { facts += number(mask, at[0], at[1], at[2]) ? "; in " + data.mask_label : "; not in " + data.mask_label; }
    words.textContent = facts + ".";
  }

  function load(i) {
    shown = i; map = null;
    var entry = data.maps[i];
    scaleOf(said(-entry.top, 2), said(entry.top, 2), entry.what);
    slider.max = entry.top;
    slider.value = Math.min(entry.threshold, entry.top);
    numbers(entry.picture, function (all, width) { map = { all: all, width: width }; paint(); });
  }
  numbers(data.ground, function (all, width) { ground = { all: all, width: width }; paint(); });
  if (data.mask) { numbers(data.mask, function (all, width) { mask = { all: all, width: width }; paint(); }); }
  if (data.maps.length) {
    scaleOf = bar(root, data.colours, "", "", "");
    load(0);
  }
};
