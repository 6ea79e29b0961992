// The page of a document's history: steps through the changes, names passages. Everything else on it works without a script.
import { submitChoices } from "./choices";
import { tellPassages } from "./passages";
import { stepThroughChanges } from "./steps";

submitChoices();
stepThroughChanges();
tellPassages();
