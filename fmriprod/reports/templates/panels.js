var panels = {};

function make(tag, parent, words, attributes) {
  var element = document.createElement(tag);
  if (words) { element.textContent = words; }
  Object.keys(attributes || {}).forEach(function (k) { element.setAttribute(k, attributes[k]); });
  return parent.appendChild(element);
}

function clamp(value, low, high) { return Math.max(low, Math.min(high, value)); }

function said(value, digits) {
  if (value === null || value === undefined) { return "no value"; }
  if (value === 0) { return "0"; }
  var text = Math.abs(value) >= 1000 ? Math.round(value).toString() : value.toPrecision(digits || 3);
  return text.replace("-", "−");
}

// What can be pointed at and steered with keys: both lead to the same function.
function stage(root, label) {
  return make("div", root, "", {
    "class": "stage", tabindex: "0", role: "application", "aria-label": label
  });
}

function readout(root) { return make("p", root, "", { "class": "readout", "aria-live": "polite" }); }

function pointed(element, tell) {
  ["pointermove", "pointerdown"].forEach(function (name) {
    element.addEventListener(name, function (event) {
      var box = element.getBoundingClientRect();
      tell((event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height, event);
    });
  });
}

function keys(element, moves) {
  element.addEventListener("keydown", function (event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !moves[event.key]) { return; }
    event.preventDefault();
    moves[event.key]();
  });
}

// Grey numbers of a picture in the page.
function numbers(uri, tell) {
  var image = new Image();
  image.onload = function () {
    var canvas = document.createElement("canvas");
    canvas.width = image.width; canvas.height = image.height;
    var context = canvas.getContext("2d", { willReadFrequently: true });
    context.drawImage(image, 0, 0);
    var all = context.getImageData(0, 0, image.width, image.height).data;
    var out = new Uint8Array(image.width * image.height);
    for (var i = 0; i < out.length; i += 1) { out[i] = all[4 * i]; }
    tell(out, image.width);
  };
  image.src = uri;
}

function bytes(colour) {
  return [1, 3, 5].map(function (at) { return parseInt(colour.slice(at, at + 2), 16); });
}

function bar(root, colours, low, high, what) {
  var line = make("p", root, "", { "class": "bar" });
  var first = make("span", line, low);
  make("span", line, "", { "class": "scale" }).style.background =
    "linear-gradient(to right, " + colours.filter(function (c, i) { return i % 16 === 0 || i === colours.length - 1; }).join(", ") + ")";
  var last = make("span", line, high), words = make("span", line, what);
  return function (from, to, of) {
    first.textContent = from; last.textContent = to; words.textContent = of;
  };
}
