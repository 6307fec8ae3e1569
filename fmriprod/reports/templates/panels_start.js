(function () {
  function start(root) {
    if (root.dataset.started) { return; }
    root.dataset.started = "yes";
    var data = JSON.parse(root.querySelector("script").textContent);
    root.classList.add("panel-" + root.dataset.panel);
    panels[root.dataset.panel](root, data, root.getAttribute("aria-label"));
  }
  var roots = document.querySelectorAll("[data-panel]");
  // Panels far down are made when they come near: a long page is there at once.
  var watch = "IntersectionObserver" in window && new IntersectionObserver(function (entries) {
    entries.forEach(function (entry) {
      if (entry.isIntersecting) { watch.unobserve(entry.target); start(entry.target); }
    });
  }, { rootMargin: "800px" });
  roots.forEach(function (root) {
    root.hidden = false;
    if (watch) { watch.observe(root); } else { start(root); }
  });
})();
