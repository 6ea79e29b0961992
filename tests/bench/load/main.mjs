// The load generator: reads a plan as JSON from its first argument, and prints a line of JSON for each thing it says:
// {"mark": name} when something begins or ends, {"result": …} at the end.
import { opening, reading, seeding, storm } from "./opening.mjs";
import { durability, replay } from "./history.mjs";
import { typing } from "./typing.mjs";

const WORKLOADS = { typing, storm, seeding, opening, reading, durability, replay };

const print = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

/** How a workload says that its measured part begins and ends; the end tells what the generator itself used. */
const say = {
  mark: (name) => print({ mark: name }),
  begin: () => {
    print({ mark: "begin" });
    return { at: performance.now(), cpu: process.cpuUsage() };
  },
  end: (began) => {
    print({ mark: "end" });
    const wall = performance.now() - began.at;
    const { user, system } = process.cpuUsage(began.cpu);
    return { wall_ms: wall, generator_share: (user + system) / 1000 / wall };
  },
};

const plan = JSON.parse(process.argv[2]);
const result = await WORKLOADS[plan.workload](plan, say).catch((error) => {
  // What the server did not let happen is its failure; where it was ours, this tells where.
  console.error(error);
  return { failures: [error.message] };
});
print({ result });
process.exit(0);
