(function () {
  var root = document.currentScript.parentElement;
  var data = JSON.parse(root.querySelector("script[type='application/json']").textContent);
  var svg = root.querySelector("svg"), facts = root.querySelector(".facts");
  var slider = root.querySelector("input[type=range]"), find = root.querySelector("[type=search]");
  var sides = { L: "left hemisphere", R: "right hemisphere" };
  // Turned about the vertical, then tilted: degrees.
  var views = { left: [-90, 0], right: [90, 0], top: [0, 90], front: [180, 0], back: [0, 0] };
  var turn = views[data.view][0], tilt = views[data.view][1], chosen = -1, pinned = false;

  function add(tag, parent, attributes) {
    var element = document.createElementNS(svg.namespaceURI, tag);
    Object.keys(attributes || {}).forEach(function (k) { element.setAttribute(k, attributes[k]); });
    return parent.appendChild(element);
  }
  var layers = {};
  ["hulls", "edges", "nodes", "words"].forEach(function (name) { layers[name] = add("g", svg); });
  var hulls = data.outline.map(function () { return add("path", layers.hulls, { "class": "hull" }); });
  var ends = [["L", -84, 0, 0], ["R", 84, 0, 0], ["front", 0, 94, 0], ["back", 0, -94, 0],
              ["top", 0, 0, 78], ["below", 0, 0, -78]];
  var letters = ends.map(function (end) {
    var text = add("text", layers.words);
    text.textContent = end[0];
    return text;
  });
  var label = add("text", layers.words, { "class": "name" });
  var lines = data.edges.map(function (edge) {
    var line = add("line", layers.edges, {
      "class": edge[2] < 0 ? "minus" : "plus",
      "stroke-width": (0.15 + 0.85 * Math.abs(edge[2]) / data.largest).toFixed(2)
    });
    add("title", line).textContent =
      data.nodes[edge[0]].name + " – " + data.nodes[edge[1]].name + ": " + signed(edge[2]);
    return line;
  });
  var dots = data.nodes.map(function (node, i) {
    var dot = add("circle", layers.nodes, { r: node.r, fill: node.colour });
    add("title", dot).textContent = node.name + ", " + node.network;
    dot.addEventListener("pointerenter", function () { if (!pinned) { choose(i); } });
    dot.addEventListener("pointerleave", function () { if (!pinned) { choose(-1); } });
    dot.addEventListener("click", function () {
      pinned = !(pinned && chosen === i);
      choose(pinned ? i : -1);
    });
    return dot;
  });

  function signed(value) { return (value < 0 ? "−" : "+") + Math.abs(value).toPrecision(2); }

  function project(p) {
    var a = turn * Math.PI / 180, e = tilt * Math.PI / 180;
    var x = p[0] - data.centre[0], y = p[1] - data.centre[1], z = p[2] - data.centre[2];
    var near = x * Math.sin(a) - y * Math.cos(a);
    return [x * Math.cos(a) + y * Math.sin(a), near * Math.sin(e) - z * Math.cos(e),
            near * Math.cos(e) + z * Math.sin(e)];
  }

  function hull(points) {  // Andrew's monotone chain
    points.sort(function (p, q) { return p[0] - q[0] || p[1] - q[1]; });
    function half(list) {
      var out = [];
      list.forEach(function (p) {
        while (out.length > 1) {
          var o = out[out.length - 2], q = out[out.length - 1];
          if ((q[0] - o[0]) * (p[1] - o[1]) - (q[1] - o[1]) * (p[0] - o[0]) > 0) { break; }
          out.pop();
        }
        out.push(p);
      });
      out.pop();
      return out;
    }
    return half(points).concat(half(points.slice().reverse()));
  }

  function draw() {
    var at = data.nodes.map(function (node) { return project(node.at); });
    data.outline.forEach(function (points, i) {
      var corners = hull(points.map(project)).map(function (p) {
        return p[0].toFixed(1) + " " + p[1].toFixed(1);
      });
      hulls[i].setAttribute("d", "M" + corners.join("L") + "Z");
    });
    data.edges.forEach(function (edge, k) {
      var p = at[edge[0]], q = at[edge[1]];
      lines[k].setAttribute("x1", p[0].toFixed(2)); lines[k].setAttribute("y1", p[1].toFixed(2));
      lines[k].setAttribute("x2", q[0].toFixed(2)); lines[k].setAttribute("y2", q[1].toFixed(2));
    });
    at.forEach(function (p, i) {
      dots[i].setAttribute("cx", p[0].toFixed(2)); dots[i].setAttribute("cy", p[1].toFixed(2));
    });
    ends.forEach(function (end, i) {
      var p = project([end[1] + data.centre[0], end[2] + data.centre[1], end[3] + data.centre[2]]);
      letters[i].setAttribute("x", p[0]); letters[i].setAttribute("y", p[1] + 2);
      letters[i].style.opacity = Math.hypot(p[0], p[1]) > 55 ? 1 : 0;
    });
    if (chosen >= 0) {
      label.setAttribute("x", Math.max(-85, Math.min(85, at[chosen][0])));
      label.setAttribute("y", at[chosen][1] - data.nodes[chosen].r - 2);
    }
    return at;
  }

  function sort(at) {  // far parcels first; not while turning: it costs the most
    at.map(function (p, i) { return [p[2], i]; })
      .sort(function (p, q) { return p[0] - q[0]; })
      .forEach(function (pair) { layers.nodes.appendChild(dots[pair[1]]); });
  }

  function paint() {
    var shown = Number(slider.value), near = {}, own = [];
    near[chosen] = true;
    data.edges.forEach(function (edge, k) {
      var mine = edge[0] === chosen || edge[1] === chosen;
      lines[k].style.display = k < shown ? "" : "none";
      lines[k].style.opacity = chosen < 0 ? 0.7 : mine ? 0.95 : 0.06;
      if (mine && k < shown) {
        own.push([edge[0] === chosen ? edge[1] : edge[0], edge[2]]);
        near[edge[0]] = near[edge[1]] = true;
      }
    });
    dots.forEach(function (dot, i) {
      dot.style.opacity = chosen < 0 || near[i] ? 1 : 0.2;
      dot.setAttribute("class", i === chosen ? "chosen" : "");
    });
    label.textContent = chosen < 0 ? "" : data.nodes[chosen].name;
    facts.textContent = chosen < 0 ? all(shown) : one(data.nodes[chosen], own);
  }

  function all(shown) {
    var words = (data.simulated ? "Simulated data. " : "") + "The strongest " + shown + " of " + data.pairs + " pairs";
    if (shown) { words += ", |" + data.label + "| ≥ " + Math.abs(data.edges[shown - 1][2]).toPrecision(2); }
    return words + ". Drag, or use the arrow keys, to turn; point at a parcel, or click it, to see what it is connected with.";
  }

  function one(node, own) {
    var words = [node.name, node.network, sides[node.side], node.strength === null ?
      "no value" : "mean |" + data.label + "| " + node.strength.toPrecision(2)];
    words = words.filter(Boolean).join(" · ") + ". ";
    if (!own.length) { return words + "None of the connections that are shown."; }
    var most = own.slice(0, 4).map(function (pair) {
      return data.nodes[pair[0]].name + " " + signed(pair[1]);
    });
    return words + own.length + " of the connections that are shown" +
      (own.length > 4 ? ", the strongest: " : ": ") + most.join(", ") + ".";
  }

  function choose(i) { chosen = i; draw(); paint(); }

  var from = null;
  svg.addEventListener("pointerdown", function (event) {
    from = [event.clientX, event.clientY, turn, tilt];
  });
  window.addEventListener("pointermove", function (event) {
    if (!from) { return; }
    turn = from[2] - (event.clientX - from[0]) * 0.5;
    tilt = Math.max(-90, Math.min(90, from[3] + (event.clientY - from[1]) * 0.5));
    draw();
  });
  ["pointerup", "pointercancel"].forEach(function (name) {
    window.addEventListener(name, function () { if (from) { from = null; sort(draw()); } });
  });
  root.querySelectorAll("[data-view]").forEach(function (button) {
    button.addEventListener("click", function () {
      turn = views[button.dataset.view][0]; tilt = views[button.dataset.view][1];
      sort(draw());
    });
  });
  svg.addEventListener("keydown", function (event) {
    var step = { ArrowLeft: [10, 0], ArrowRight: [-10, 0], ArrowUp: [0, -10], ArrowDown: [0, 10] }[event.key];
    if (!step || event.ctrlKey || event.metaKey || event.altKey) { return; }
    event.preventDefault();
    turn += step[0];
    tilt = Math.max(-90, Math.min(90, tilt + step[1]));
    sort(draw());
  });
  slider.addEventListener("input", paint);
  find.addEventListener("input", function () {
    var names = data.nodes.map(function (node) { return node.name.toLowerCase(); });
    var i = names.indexOf(find.value.trim().toLowerCase());
    pinned = i >= 0;
    choose(i);
  });
  sort(draw());
  paint();
})();
