(function () {
  var dialog = document.getElementById("large");
  var picture = dialog.querySelector("img"), words = dialog.querySelector("p");
  document.querySelectorAll(".zoom").forEach(function (button) {
    button.addEventListener("click", function () {
      var img = button.querySelector("img");
      picture.src = img.src; picture.alt = img.alt; words.textContent = img.alt;
      dialog.showModal();
    });
  });
  dialog.addEventListener("click", function () { dialog.close(); });
  if (window.matchMedia("(max-width: 60rem)").matches) {
    document.querySelector("nav details").removeAttribute("open");
  }
  // What can be scrolled must be reached with the keyboard too.
  function reach() {
    document.querySelectorAll(".scroll").forEach(function (box) {
      if (box.scrollWidth > box.clientWidth) { box.tabIndex = 0; } else { box.removeAttribute("tabindex"); }
    });
  }
  reach();
  window.addEventListener("resize", reach);
  if (!("IntersectionObserver" in window)) { return; }
  var links = {};
  document.querySelectorAll("nav a").forEach(function (a) { links[a.hash.slice(1)] = a; });
  var watch = new IntersectionObserver(function (entries) {
    entries.forEach(function (entry) {
      if (!entry.isIntersecting || !links[entry.target.id]) { return; }
      Object.keys(links).forEach(function (id) { links[id].classList.remove("here"); });
      links[entry.target.id].classList.add("here");
    });
  }, { rootMargin: "0px 0px -75% 0px" });
  document.querySelectorAll("section[id], header[id]").forEach(function (s) { watch.observe(s); });
})();
