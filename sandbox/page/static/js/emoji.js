// Emoji shortcodes. The set is what bots and their operators use, not the whole of Unicode; an unknown
// name stays as it was typed.

import { h } from "./vdom.js";

const TABLE = `
+1 👍|thumbsup 👍|-1 👎|thumbsdown 👎|clap 👏|wave 👋|raised_hands 🙌|pray 🙏|muscle 💪|ok_hand 👌|point_right 👉|point_left 👈|point_up 👆|point_down 👇|eyes 👀|handshake 🤝|v ✌️|crossed_fingers 🤞|fist 👊|raised_hand ✋|hand ✋|writing_hand ✍️
smile 😄|smiley 😃|grinning 😀|grin 😁|joy 😂|rofl 🤣|laughing 😆|sweat_smile 😅|slightly_smiling_face 🙂|simple_smile 🙂|upside_down_face 🙃|wink 😉|blush 😊|heart_eyes 😍|thinking_face 🤔|neutral_face 😐|expressionless 😑|no_mouth 😶|smirk 😏|unamused 😒|face_with_rolling_eyes 🙄|grimacing 😬|relieved 😌|pensive 😔|sleepy 😪|sleeping 😴|mask 😷|sunglasses 😎|nerd_face 🤓|confused 😕|worried 😟|open_mouth 😮|astonished 😲|flushed 😳|fearful 😨|cry 😢|sob 😭|scream 😱|disappointed 😞|sweat 😓|weary 😩|tired_face 😫|triumph 😤|rage 😡|angry 😠|exploding_head 🤯|partying_face 🥳|hugging_face 🤗|face_palm 🤦|shrug 🤷|facepalm 🤦|skull 💀|ghost 👻|robot_face 🤖|see_no_evil 🙈|hear_no_evil 🙉|speak_no_evil 🙊|melting_face 🫠|saluting_face 🫡
heart ❤️|yellow_heart 💛|green_heart 💚|blue_heart 💙|purple_heart 💜|black_heart 🖤|broken_heart 💔|sparkling_heart 💖|100 💯|boom 💥|collision 💥|sweat_drops 💦|dash 💨|zzz 💤|speech_balloon 💬|thought_balloon 💭
white_check_mark ✅|heavy_check_mark ✔️|ballot_box_with_check ☑️|x ❌|negative_squared_cross_mark ❎|heavy_multiplication_x ✖️|heavy_plus_sign ➕|heavy_minus_sign ➖|warning ⚠️|no_entry ⛔|no_entry_sign 🚫|octagonal_sign 🛑|stop_sign 🛑|question ❓|grey_question ❔|exclamation ❗|heavy_exclamation_mark ❗|grey_exclamation ❕|bangbang ‼️|interrobang ⁉️|information_source ℹ️|recycle ♻️|radioactive_sign ☢️|biohazard_sign ☣️|new 🆕|free 🆓|up 🆙|cool 🆒|ok 🆗|sos 🆘|vs 🆚
red_circle 🔴|large_red_circle 🔴|orange_circle 🟠|large_orange_circle 🟠|yellow_circle 🟡|large_yellow_circle 🟡|green_circle 🟢|large_green_circle 🟢|large_blue_circle 🔵|blue_circle 🔵|large_purple_circle 🟣|brown_circle 🟤|large_brown_circle 🟤|white_circle ⚪|black_circle ⚫|large_green_square 🟩|large_red_square 🟥|large_yellow_square 🟨|large_orange_square 🟧|large_blue_square 🟦|large_purple_square 🟪|black_large_square ⬛|white_large_square ⬜|small_orange_diamond 🔸|small_blue_diamond 🔹|large_orange_diamond 🔶|large_blue_diamond 🔷|small_red_triangle 🔺|small_red_triangle_down 🔻|white_small_square ▫️|black_small_square ▪️|radio_button 🔘
hourglass ⌛|hourglass_flowing_sand ⏳|watch ⌚|alarm_clock ⏰|stopwatch ⏱️|timer_clock ⏲️|clock1 🕐|clock12 🕛|clock3 🕒|clock6 🕕|clock9 🕘|calendar 📅|date 📅|spiral_calendar_pad 🗓️|arrows_counterclockwise 🔄|arrows_clockwise 🔃|repeat 🔁|leftwards_arrow_with_hook ↩️|arrow_right_hook ↪️|arrow_right ➡️|arrow_left ⬅️|arrow_up ⬆️|arrow_down ⬇️|arrow_upper_right ↗️|arrow_lower_right ↘️|arrow_forward ▶️|arrow_backward ◀️|fast_forward ⏩|rewind ⏪|double_vertical_bar ⏸️|pause_button ⏸️|black_square_for_stop ⏹️|stop_button ⏹️|arrow_double_up ⏫|arrow_double_down ⏬
rocket 🚀|construction 🚧|rotating_light 🚨|traffic_light 🚦|vertical_traffic_light 🚦|railway_track 🛤️|steam_locomotive 🚂|railway_car 🚃|bullettrain_side 🚄|train 🚋|train2 🚆|station 🚉|airplane ✈️|ship 🚢|car 🚗|fuelpump ⛽|checkered_flag 🏁|triangular_flag_on_post 🚩|white_flag 🏳️|anchor ⚓
gear ⚙️|wrench 🔧|hammer 🔨|hammer_and_wrench 🛠️|hammer_and_pick ⚒️|nut_and_bolt 🔩|toolbox 🧰|magnet 🧲|link 🔗|paperclip 📎|pushpin 📌|round_pushpin 📍|scissors ✂️|lock 🔒|unlock 🔓|closed_lock_with_key 🔐|key 🔑|old_key 🗝️|shield 🛡️|mag 🔍|mag_right 🔎|bulb 💡|flashlight 🔦|battery 🔋|electric_plug 🔌|computer 💻|desktop_computer 🖥️|keyboard ⌨️|floppy_disk 💾|cd 💿|minidisc 💽|satellite 🛰️|satellite_antenna 📡|telephone_receiver 📞|iphone 📱|package 📦|inbox_tray 📥|outbox_tray 📤|mailbox 📫|email 📧|envelope ✉️|incoming_envelope 📨|memo 📝|pencil 📝|pencil2 ✏️|clipboard 📋|page_facing_up 📄|page_with_curl 📃|scroll 📜|bookmark_tabs 📑|bookmark 🔖|books 📚|book 📖|open_book 📖|notebook 📓|newspaper 📰|file_folder 📁|open_file_folder 📂|card_index_dividers 🗂️|card_file_box 🗃️|file_cabinet 🗄️|wastebasket 🗑️|label 🏷️|bar_chart 📊|chart_with_upwards_trend 📈|chart_with_downwards_trend 📉|moneybag 💰|dollar 💵|credit_card 💳|receipt 🧾|bell 🔔|no_bell 🔕|loudspeaker 📢|mega 📣|microphone 🎤|camera 📷|movie_camera 🎥|art 🎨|test_tube 🧪|microscope 🔬|telescope 🔭|thermometer 🌡️|pill 💊|syringe 💉|bricks 🧱|ladder 🪜|compass 🧭|world_map 🗺️|globe_with_meridians 🌐|earth_africa 🌍|earth_americas 🌎|earth_asia 🌏
tada 🎉|confetti_ball 🎊|balloon 🎈|gift 🎁|trophy 🏆|medal 🏅|sports_medal 🏅|first_place_medal 🥇|dart 🎯|star ⭐|star2 🌟|sparkles ✨|dizzy 💫|zap ⚡|fire 🔥|snowflake ❄️|sunny ☀️|partly_sunny ⛅|cloud ☁️|rain_cloud 🌧️|thunder_cloud_and_rain ⛈️|rainbow 🌈|umbrella ☔|ocean 🌊|droplet 💧|new_moon 🌑|full_moon 🌕|crescent_moon 🌙|seedling 🌱|herb 🌿|four_leaf_clover 🍀|evergreen_tree 🌲|cactus 🌵|mushroom 🍄|rose 🌹|sunflower 🌻|maple_leaf 🍁|fallen_leaf 🍂
dog 🐶|cat 🐱|mouse 🐭|rabbit 🐰|fox_face 🦊|bear 🐻|panda_face 🐼|unicorn_face 🦄|bee 🐝|honeybee 🐝|bug 🐛|ant 🐜|snail 🐌|turtle 🐢|snake 🐍|octopus 🐙|crab 🦀|whale 🐳|dolphin 🐬|fish 🐟|penguin 🐧|chicken 🐔|owl 🦉|elephant 🐘|sloth 🦥|parrot 🦜
coffee ☕|tea 🍵|beer 🍺|beers 🍻|wine_glass 🍷|pizza 🍕|hamburger 🍔|taco 🌮|popcorn 🍿|cookie 🍪|cake 🍰|birthday 🎂|apple 🍎|banana 🍌|lemon 🍋|watermelon 🍉|avocado 🥑|carrot 🥕
house 🏠|office 🏢|factory 🏭|hospital 🏥|bank 🏦|stadium 🏟️|hut 🛖|tent ⛺|sunrise 🌅|city_sunset 🌆|bust_in_silhouette 👤|busts_in_silhouette 👥|technologist 🧑‍💻|construction_worker 👷|firefighter 🧑‍🚒|detective 🕵️|ninja 🥷|superhero 🦸|alien 👽|baby 👶|crown 👑|tophat 🎩|eyeglasses 👓|gem 💎|game_die 🎲|jigsaw 🧩|video_game 🎮|crystal_ball 🔮|magic_wand 🪄|hash #️⃣|zero 0️⃣|one 1️⃣|two 2️⃣|three 3️⃣|four 4️⃣|five 5️⃣|six 6️⃣|seven 7️⃣|eight 8️⃣|nine 9️⃣|keycap_ten 🔟|coffin ⚰️|black_flag 🏴|spock-hand 🖖|infinity ♾️`;

const BY_NAME = new Map(
  TABLE.trim()
    .split(/[\n|]/)
    .map((entry) => {
      const space = entry.indexOf(" ");
      return [entry.slice(0, space), entry.slice(space + 1)];
    }),
);
const TONES = { 2: "🏻", 3: "🏼", 4: "🏽", 5: "🏾", 6: "🏿" };

export function emojiText(shortcode) {
  const [name, tone] = shortcode.toLowerCase().split("::skin-tone-");
  const text = BY_NAME.get(name);
  return text && tone ? text + TONES[tone] : (text ?? null);
}

export function emojiNode(shortcode) {
  const text = emojiText(shortcode);
  return (
    text &&
    h(
      "span",
      { class: "emoji", role: "img", "aria-label": shortcode.replace(/[_-]/g, " "), title: `:${shortcode}:` },
      text,
    )
  );
}

/** Shortcodes that begin with (first) or contain `query`. */
export function findEmoji(query, limit = 8) {
  const names = [...BY_NAME.keys()];
  const starting = names.filter((name) => name.startsWith(query));
  const containing = names.filter((name) => name.includes(query) && !name.startsWith(query));
  return [...starting, ...containing].slice(0, limit).map((name) => [name, BY_NAME.get(name)]);
}
