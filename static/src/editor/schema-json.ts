import { getSchema } from "@tiptap/core";
import type { MarkSpec, NodeSpec } from "@tiptap/pm/model";
import { documentExtensions } from "./schema";

type Plain = Record<string, unknown>;

const nodeFlags = ["inline", "atom", "isolating", "defining", "code", "selectable", "draggable", "tableRole"] as const;
const markFlags = ["inclusive", "excludes", "spanning", "code"] as const;

function attributes(specs: NodeSpec["attrs"]): Plain {
  return Object.fromEntries(
    Object.entries(specs ?? {}).map(([name, spec]) => [
      name,
      "default" in spec ? { default: spec.default as unknown } : {},
    ]),
  );
}

function picked(spec: Plain, names: readonly string[]): Plain {
  return Object.fromEntries(names.filter((name) => spec[name] !== undefined).map((name) => [name, spec[name]]));
}

function describeNode(spec: NodeSpec): Plain {
  return { ...picked(spec, ["content", "group", "marks", ...nodeFlags]), attrs: attributes(spec.attrs) };
}

function describeMark(spec: MarkSpec): Plain {
  return { ...picked(spec, ["group", ...markFlags]), attrs: attributes(spec.attrs) };
}

/** The schema as data, nodes and marks in their order of precedence. server/documents/schema.py reads it. */
export function describeSchema(): Plain {
  const { spec } = getSchema(documentExtensions({ writable: true }));
  const nodes: [string, Plain][] = [];
  const marks: [string, Plain][] = [];
  spec.nodes.forEach((name, node) => nodes.push([name, describeNode(node)]));
  spec.marks.forEach((name, mark) => marks.push([name, describeMark(mark)]));
  return {
    topNode: spec.topNode,
    nodes: nodes.map(([name, node]) => ({ name, ...node })),
    marks: marks.map(([name, mark]) => ({ name, ...mark })),
  };
}
