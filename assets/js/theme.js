/* Runs in <head>, before paint. ?theme=dark|light wins, then the saved choice, then the system. */
(function () {
  var root = document.documentElement, theme = new URLSearchParams(location.search).get("theme");
  try { theme = theme || localStorage.getItem("qd-theme"); } catch (e) { /* storage is off: follow the system */ }
  if (theme === "dark" || theme === "light") root.dataset.theme = theme;
  root.classList.add("js");
})();
