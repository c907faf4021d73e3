//! Words that the generator makes people and shops of.

pub const FIRST: &[&str] = &[
    "Ada", "Alma", "Amara", "Anders", "Anya", "Basil", "Beatriz", "Bruno", "Camille", "Carlos", "Celia", "Chidi", "Clara", "Dana", "Davi", "Dev",
    "Edith", "Elias", "Elif", "Emeka", "Esther", "Farah", "Felix", "Fiona", "Gita", "Hana", "Hugo", "Imani", "Ines", "Ivo", "Jae", "Jasper", "Jonah",
    "June", "Kaya", "Kenji", "Lars", "Leila", "Lena", "Liam", "Lucia", "Mara", "Mateo", "Mei", "Milo", "Mina", "Nadia", "Noor", "Nora", "Olive",
    "Omar", "Otis", "Petra", "Priya", "Quinn", "Rafael", "Robin", "Rosa", "Sana", "Sven", "Talia", "Theo", "Uma", "Vera", "Wes", "Yara", "Yusuf",
    "Zoe",
];

pub const LAST: &[&str] = &[
    "Abbott", "Adeyemi", "Ahmed", "Alvarez", "Anand", "Ash", "Baker", "Banerjee", "Becker", "Bell", "Brandt", "Brooks", "Castillo", "Chen", "Cho",
    "Costa", "Dahl", "Diaz", "Dubois", "Eze", "Farrell", "Fischer", "Flores", "Garcia", "Green", "Gupta", "Haddad", "Hansen", "Hayes", "Ibrahim",
    "Ito", "Jansen", "Kaur", "Khan", "Kim", "Kowalski", "Larsen", "Lee", "Lopez", "Marsh", "Mensah", "Moreau", "Nakamura", "Nguyen", "Novak",
    "Okafor", "Olsen", "Park", "Patel", "Petrov", "Quist", "Reyes", "Rossi", "Sato", "Silva", "Singh", "Stone", "Tanaka", "Torres", "Vance", "Vogel",
    "Walsh", "Weber", "Yilmaz", "Young",
];

pub const SHOP_FIRST: &[&str] = &[
    "Juniper", "Bramble", "Alder", "Thistle", "Heron", "Lark", "Quarry", "Tidewater", "Fennel", "Hollow", "Marigold", "Pinecone", "Rook", "Saltbox",
    "Sorrel", "Willow", "Ember", "Foxglove", "Gable", "Harrow", "Iris", "Kestrel", "Lantern", "Millpond", "Nettle", "Oakmoss", "Plum", "Quill",
    "Rill", "Stonefruit",
];

pub const SHOP_LAST: &[&str] = &[
    "& Daughters", "& Oak", "Workshop", "Farm", "Provisions", "Studio", "Works", "Collective", "& Co.", "House", "Goods", "& Sons", "Kitchen",
    "Yard", "Makers", "Hill",
];

/// City, state and zip code.
pub const PLACES: &[(&str, &str, &str)] = &[
    ("Beacon", "NY", "12508"),
    ("Hudson", "NY", "12534"),
    ("Brooklyn", "NY", "11215"),
    ("Kingston", "NY", "12401"),
    ("Northampton", "MA", "01060"),
    ("Burlington", "VT", "05401"),
    ("Portland", "ME", "04101"),
    ("Lancaster", "PA", "17602"),
    ("Asheville", "NC", "28801"),
    ("Madison", "WI", "53703"),
    ("Chicago", "IL", "60614"),
    ("Bend", "OR", "97701"),
    ("Santa Cruz", "CA", "95060"),
    ("Boulder", "CO", "80302"),
    ("Richmond", "VA", "23220"),
    ("Providence", "RI", "02906"),
];

pub const BIOS: &[&str] = &[
    "Two sisters, one barn, and a waiting list for the walnut tree.",
    "We make a little, make it well, and then make it again on Thursday.",
    "Third generation. Same recipe, better ovens.",
    "Everything here is made within forty miles of the table it is packed on.",
    "Started on a kitchen counter, now two kitchen counters.",
    "Slow work for people who notice.",
];

pub const STORIES: &[&str] = &[
    "Made in batches of two dozen and checked one by one. When a batch is gone, the next one is a week away.",
    "We changed this four times in five years, and this is the one that people come back for.",
    "Simple on purpose: few ingredients, all of them named on the label.",
    "A regular favorite at the Saturday market, now by post.",
    "Packed in recycled card, sealed with paper tape, signed by whoever packed it.",
    "Each one is a little different. That is how you know that a person made it.",
];
