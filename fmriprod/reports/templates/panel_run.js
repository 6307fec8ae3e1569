panels.run = function (root, data, label) {
  var n = data.n, at = 0, high = 100;
  var place = stage(root, label + ": " + n + " volumes, arrow keys move from volume to volume");
  var colours = ["var(--one)", "var(--two)", "var(--three)"];

  function row(name, unit, parts) {
    var line = make("div", place, "", { "class": "row", "aria-hidden": "true" });
    var words = make("span", line, name + (unit ? " (" + unit + ")" : ""), { "class": "name" });
    (parts || []).forEach(function (part, i) {
      if (part.name) { make("b", words, " " + part.name).style.color = colours[i]; }
    });
    return make("div", line, "", { "class": "plot" });
  }

  data.traces.forEach(function (trace) {
    var plot = row(trace.name, trace.unit, trace.lines);
    var all = [].concat.apply([], trace.lines.map(function (part) { return part.values; }))
      .filter(function (v) { return v !== null; });
    if (trace.line !== null) { all.push(trace.line); }
    var low = Math.min.apply(null, all), top = Math.max.apply(null, all);
    if (trace.name === "FD") { low = 0; }
    var span = top > low ? top - low : 1;
    function y(v) { return (4 + (high - 8) * (1 - (v - low) / span)).toFixed(1); }
    var svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("viewBox", "0 0 " + n + " " + high);
    svg.setAttribute("preserveAspectRatio", "none");
    function path(d, colour, dashed) {
      var p = document.createElementNS(svg.namespaceURI, "path");
      p.setAttribute("d", d); p.style.stroke = colour;
      if (dashed) { p.setAttribute("stroke-dasharray", "4 3"); }
      svg.appendChild(p);
    }
    if (trace.line !== null) { path("M0 " + y(trace.line) + "H" + n, "var(--soft)", true); }
    trace.lines.forEach(function (part, i) {
      var pen = "M";
      path(part.values.map(function (v, t) {
        if (v === null) { pen = "M"; return ""; }
        var piece = pen + (t + 0.5) + " " + y(v);
        pen = "L";
        return piece;
      }).join(""), colours[i]);
    });
    plot.appendChild(svg);
    make("span", plot, said(top, 2), { "class": "end top" });
    make("span", plot, said(low, 2), { "class": "end" });
  });
  var all = row("All voxels");
  all.classList.add("carpet");
  make("img", all, "", { src: data.carpet, alt: "" });
  var area = all, cursor = make("div", place, "", { "class": "cursor" });
  var words = readout(root);

  function tell() {
    var box = place.getBoundingClientRect(), plot = area.getBoundingClientRect();
    cursor.style.left = plot.left - box.left + plot.width * (at + 0.5) / n + "px";
    var facts = data.traces.map(function (trace) {
      return trace.name + " " + trace.lines.map(function (part) {
        return (part.name ? part.name + " " : "") + said(part.values[at], 2);
      }).join(", ") + (trace.unit === "stand." || trace.lines[0].values[at] === null ? "" : " " + trace.unit);
    });
    words.textContent = "Volume " + (at + 1) + " of " + n + ", " + (at * data.tr).toFixed(1) +
      " s: " + facts.join("; ") + (moved(at) ? ". Moved more than " + data.threshold + " mm." : ".");
  }

  var displacement = data.traces.filter(function (trace) { return trace.name === "FD"; })[0];
  function moved(t) {
    var v = displacement && displacement.lines[0].values[t];
    return v !== null && v > data.threshold;
  }
  function go(t) { at = clamp(t, 0, n - 1); tell(); }
  function seek(step) {
    for (var t = at + step; t >= 0 && t < n; t += step) { if (moved(t)) { go(t); return; } }
  }
  pointed(place, function (x, y, event) {
    var plot = area.getBoundingClientRect();
    if (event.clientX >= plot.left) { go(Math.floor((event.clientX - plot.left) / plot.width * n)); }
  });
  keys(place, {
    ArrowLeft: function () { go(at - 1); }, ArrowRight: function () { go(at + 1); },
    PageUp: function () { go(at - 10); }, PageDown: function () { go(at + 10); },
    Home: function () { go(0); }, End: function () { go(n - 1); },
    n: function () { seek(1); }, p: function () { seek(-1); },
    N: function () { seek(1); }, P: function () { seek(-1); }
  });
  window.addEventListener("resize", tell);
  tell();
};
