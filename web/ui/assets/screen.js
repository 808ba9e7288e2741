// The board's stream: blocks made anew by the server, and a spark for each exchange that ended.
(function () {
  "use strict";
  var lost = document.getElementById("lost");
  var still = matchMedia("(prefers-reduced-motion: reduce)");
  var ns = "http://www.w3.org/2000/svg";
  var most = 12; // sparks of one message on one way

  function spark(way, failed, delay) {
    var layer = document.getElementById("sparks"), path = document.getElementById(way);
    if (!layer || !path || document.hidden || still.matches) { return; }
    var c = document.createElementNS(ns, "circle"), m = document.createElementNS(ns, "animateMotion");
    c.setAttribute("r", "8");
    c.setAttribute("class", failed ? "spark bad" : "spark");
    m.setAttribute("dur", "1.1s");
    m.setAttribute("path", path.getAttribute("d"));
    m.setAttribute("begin", "indefinite");
    c.appendChild(m);
    setTimeout(function () {
      layer.appendChild(c);
      m.beginElement();
      setTimeout(function () { c.remove(); }, 1100);
    }, delay);
  }

  function listen() {
    var s = new EventSource(document.body.getAttribute("data-events"));
    s.onopen = function () { lost.hidden = true; };
    s.onerror = function () {
      lost.hidden = false;
      if (s.readyState === EventSource.CLOSED) { setTimeout(function () { location.reload(); }, 15000); }
    };
    s.addEventListener("block", function (e) {
      var b = JSON.parse(e.data), at = document.getElementById(b.id);
      if (at && !at.contains(document.activeElement)) { at.innerHTML = b.html; }
    });
    s.addEventListener("flow", function (e) {
      var f = JSON.parse(e.data), n = Math.min(f.n, most);
      for (var i = 0; i < n; i++) { spark(f.way, i < f.failed, i * 450 / n); }
    });
  }
  listen();
})();
