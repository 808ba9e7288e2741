package catalog

import "slices"

// Label is what faces call a field of an entry or item in a language, "en" or else Chinese, as the columns of sheets do;
// "" if it has no name.
func Label(field string, item bool, lang string) string {
	pick := func(zh, en string) string {
		if lang == "en" {
			return en
		}
		return zh
	}
	for _, c := range sheetColumns() {
		if c.item == item && (c.name == field || (item && c.name == "item_"+field)) {
			return pick(c.zh, english()[c.name])
		}
	}
	switch field { // parts that several columns make up
	case "classification":
		return pick("分类", "classification")
	case "legal_basis":
		return pick("不予共享依据", "grounds for not sharing")
	case "service_item":
		return pick("关联事项", "related service")
	}
	return ""
}

// inEnglish is the English name of a column that is named in Chinese.
func inEnglish(zh string) string {
	cs := sheetColumns()
	i := slices.IndexFunc(cs, func(c column) bool { return c.zh == zh })
	if i < 0 {
		return ""
	}
	return english()[cs[i].name]
}

// english are the English names of the columns.
func english() map[string]string {
	return map[string]string{
		"code": "resource code", "name": "resource name", "provider": "provider", "abstract": "abstract", "class": "class",
		"group": "group", "topic": "topic", "detail": "detailed topic", "format_class": "class of format", "format": "format",
		"update_cycle": "update cycle", "grade": "grade", "sharing": "sharing attribute", "modes": "modes", "conditions": "conditions of use",
		"share_scope": "scope of sharing", "use_purpose": "purpose of use",
		"basis_instrument": "not shared: kind of instrument", "basis_name": "not shared: instrument", "basis_article": "not shared: article", "basis_reason": "not shared: reason",
		"openness": "openness to the public", "open_condition": "conditions of openness", "related": "related resource codes", "secret": "state secret",
		"channel": "network", "origin_system": "system of origin", "origins": "origins",
		"service_kind": "kind of related service", "service_name": "related service", "service_basic": "code in the basic catalogue of services",
		"service_handling": "code of the handling item", "service_implementation": "code of the implementation list",
		"source": "source", "table": "table",
		"item": "item", "item_title": "title of the item", "item_type": "type", "item_length": "length", "item_grade": "grade of the item", "item_mask": "mask",
		"item_key": "can be asked for by exact value", "item_subject": "identifies a person", "item_personal": "personal information", "item_verify": "for verification only",
		"item_sharing":          "sharing attribute of the item",
		"item_basis_instrument": "item not shared: kind of instrument", "item_basis_name": "item not shared: instrument", "item_basis_article": "item not shared: article", "item_basis_reason": "item not shared: reason",
		"item_open": "item open to the public", "item_element": "code of the data element",
	}
}
