// Everything here is a convenience: each page can be read without it.
import { copyButtons } from "./copy.js";
import { searchHelp } from "./help.js";
import { keys } from "./keys.js";
import { moving } from "./moving.js";
import { pickAll } from "./pick.js";
import { openRows } from "./rows.js";
import { suggestions } from "./suggest.js";
import { liveTail } from "./tail.js";

// The server draws times in this zone from the next page on.
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (zone) document.cookie = `zone=${zone}; path=/; max-age=31536000; samesite=lax`;

// On a phone the list of pages scrolls.
document.querySelector(".places [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

searchHelp();
suggestions();
keys();
copyButtons();
pickAll();
openRows();
liveTail();
moving();
