// Loaded by every page. The page works without it; each import adds one behaviour to what the page marks.
import "htmx.org";
import { watchCopying } from "./copy";
import { watchDialogs } from "./dialog";
import { keepPlaceInList } from "./keep-place";
import { markModifierKeys } from "./keys";
import { listenLive } from "./live";
import { watchMade } from "./made";
import { watchMenus } from "./menu";
import { watchOtherPages } from "./other-page";
import { watchRenaming } from "./rename";
import { watchShortcuts } from "./shortcuts";
import { watchTheme } from "./theme";
import { keepTimesTrue } from "./times";
import { watchToasts } from "./toast";

watchTheme();
watchDialogs();
watchMenus();
watchCopying();
watchMade();
watchRenaming();
watchToasts();
watchOtherPages();
keepPlaceInList();
watchShortcuts();
markModifierKeys();
keepTimesTrue();
listenLive();
