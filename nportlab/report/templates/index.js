(() => {
  const form = document.getElementById("filter");
  const rows = [...document.querySelectorAll(".matrix tbody tr")];
  const texts = new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));
  const said = form.querySelector("output");
  const verdicts = (row) => row.dataset.verdicts.split(" ").filter(Boolean);
  const apply = () => {
    const want = Object.fromEntries(new FormData(form));
    const words = want.text.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const fits =
        (!want.section || row.dataset.section === want.section) &&
        (!want.verdict || verdicts(row).some((verdict) => verdict === want.verdict || (want.verdict === "judged" && verdict !== "not-reviewed"))) &&
        (!want.covered || row.dataset.covered === want.covered) &&
        words.every((word) => texts.get(row).includes(word));
      row.hidden = !fits;
      shown += fits;
    }
    said.textContent = `${shown} of ${rows.length} controls`;
  };
  const reveal = () => {
    const row = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (row && row.hidden) { form.reset(); form.elements.verdict.value = ""; apply(); row.scrollIntoView(); }
  };
  form.addEventListener("input", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  addEventListener("hashchange", reveal);
  form.hidden = false;
  apply();
  reveal();
})();
