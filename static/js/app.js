// The entry: what every page needs at once; charts and uploads are fetched where a page has them.
import "./net.js";
import "./confirm.js";
import "./dialog.js";
import "./forms.js";
import "./copy.js";
import "./table.js";
import "./hotkeys.js";
import "./clock.js";
import "./live.js";
import { announce } from "./toast.js";
import { whenAdded } from "./added.js";

announce();
whenAdded("[data-chart]", (figure) => import("./charts.js").then((charts) => charts.draw(figure)));
whenAdded("form[data-upload]", (form) => import("./upload.js").then((upload) => upload.attach(form)));
