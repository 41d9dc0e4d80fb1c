// Before the first paint, so that the chosen theme does not flash in.
(function () {
  try {
    var theme = localStorage.getItem("penstock.theme");
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  } catch (error) {
    // No storage: the system's theme it is.
  }
})();
