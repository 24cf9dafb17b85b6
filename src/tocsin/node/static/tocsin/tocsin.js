// Everything works without this file; with it, tables refresh and GOV.UK components answer keys.
import { initAll } from "/static/vendor/govuk.js";

document.body.classList.add("js-enabled", "govuk-frontend-supported");
initAll();
