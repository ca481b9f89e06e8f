export type VNode = { type: unknown; props: any; key: unknown };
export type Child = VNode | string | number | boolean | null | undefined | Child[];
export function h(type: any, props?: any, ...children: any[]): VNode;
export function render(node: Child, parent: Element): void;
export function Fragment(props: { children?: Child }): VNode;
