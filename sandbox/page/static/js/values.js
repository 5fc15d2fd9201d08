// What each interactive element holds, in the shape of Slack's `state.values`.

/** Element type → [the key of its value, the element's field with the value it starts with]. */
const SHAPES = {
  plain_text_input: ["value", "initial_value"],
  email_text_input: ["value", "initial_value"],
  url_text_input: ["value", "initial_value"],
  number_input: ["value", "initial_value"],
  rich_text_input: ["rich_text_value", "initial_value"],
  static_select: ["selected_option", "initial_option"],
  external_select: ["selected_option", "initial_option"],
  users_select: ["selected_user", "initial_user"],
  channels_select: ["selected_channel", "initial_channel"],
  conversations_select: ["selected_conversation", "initial_conversation"],
  multi_static_select: ["selected_options", "initial_options"],
  multi_external_select: ["selected_options", "initial_options"],
  multi_users_select: ["selected_users", "initial_users"],
  multi_channels_select: ["selected_channels", "initial_channels"],
  multi_conversations_select: ["selected_conversations", "initial_conversations"],
  radio_buttons: ["selected_option", "initial_option"],
  checkboxes: ["selected_options", "initial_options"],
  datepicker: ["selected_date", "initial_date"],
  timepicker: ["selected_time", "initial_time"],
  datetimepicker: ["selected_date_time", "initial_date_time"],
  file_input: ["files", null],
};

export const holdsValue = (element) => element.type in SHAPES;
export const valueKey = (element) => SHAPES[element.type][0];
export const isMany = (element) =>
  element.type === "checkboxes" || element.type === "file_input" || element.type.startsWith("multi_");

export function initialValue(element) {
  if (!holdsValue(element)) return {};
  const [key, field] = SHAPES[element.type];
  return { [key]: (field && element[field]) ?? (isMany(element) ? [] : null) };
}

const simple = (value) => (value && typeof value === "object" ? (value.value ?? value) : value);

/** The same as one plain value or a list of them: option values, ids, dates, text. */
export function simpleValue(element, shaped) {
  const value = shaped[valueKey(element)];
  return Array.isArray(value) ? value.map(simple) : simple(value);
}

function* elementsOf(block) {
  if (block.type === "input" && block.element) yield block.element;
  if (block.accessory) yield block.accessory;
  for (const element of block.elements ?? []) if (element?.action_id) yield element;
}

/** `{block_id: {action_id: {type, …}}}` for everything on a surface that holds a value. */
export function stateValues(blocks, valueOf) {
  const values = {};
  for (const block of flat(blocks)) {
    for (const element of elementsOf(block)) {
      if (!holdsValue(element)) continue;
      values[block.block_id] ??= {};
      values[block.block_id][element.action_id] = { type: element.type, ...valueOf(block, element) };
    }
  }
  return values;
}

export const flat = (blocks) =>
  (blocks ?? []).flatMap((block) =>
    block.type === "container" ? [block, ...flat(block.child_blocks)] : [block],
  );
