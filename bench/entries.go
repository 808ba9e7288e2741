package bench

import (
	"fmt"
	"strings"
	"time"

	"github.com/kuayu/kuayu/exchange/catalog"
	"github.com/kuayu/kuayu/support/policy"
)

// words are drawn from lists in which the first are much more frequent than the last, as in real catalogues.
func (g *generator) word(list []string) string {
	u := float64(g.next()>>11) / (1 << 53)
	return list[int(u*u*u*float64(len(list)))]
}

// generator makes the same catalogue entries in every run.
type generator struct{ state uint64 }

// next is splitmix64.
func (g *generator) next() uint64 {
	g.state += 0x9e3779b97f4a7c15
	z := g.state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

func (g *generator) n(most int) int { return int(g.next() % uint64(most)) } //nolint:gosec // small

// benchMember is a member of the measured federation, with its share of the entries in tenths.
type benchMember struct {
	id     string
	share  int
	places []string
}

func benchMembers() []benchMember {
	return []benchMember{
		{"jiangsu", 3, strings.Fields("江苏省 南京市 苏州市 无锡市 常州市 南通市 徐州市 扬州市 盐城市 镇江市 泰州市 淮安市 连云港市 宿迁市 昆山市 江阴市")},
		{"zhejiang", 3, strings.Fields("浙江省 杭州市 宁波市 温州市 绍兴市 嘉兴市 湖州市 金华市 台州市 衢州市 舟山市 丽水市 义乌市 慈溪市")},
		{"shanghai", 2, strings.Fields("上海市 浦东新区 闵行区 徐汇区 静安区 黄浦区 杨浦区 松江区 嘉定区 青浦区 奉贤区 崇明区")},
		{"anhui", 2, strings.Fields("安徽省 合肥市 芜湖市 蚌埠市 阜阳市 安庆市 马鞍山市 滁州市 六安市 黄山市 宣城市 池州市")},
	}
}

// vocabulary is what names and abstracts are put together from.
type vocabulary struct {
	bureaus, subjects, acts, kinds, items, uses, latin []string
}

func newVocabulary() *vocabulary {
	return &vocabulary{
		bureaus:  strings.Fields("市场监督管理局 公安局 民政局 人力资源和社会保障局 自然资源局 生态环境局 住房和城乡建设局 交通运输局 卫生健康委员会 税务局 教育局 农业农村局 水利局 司法局 应急管理局 医疗保障局 统计局 文化和旅游局 商务局 科学技术局 财政局 退役军人事务局 林业局 气象局 海事局 档案馆 残疾人联合会 公积金管理中心 海洋渔业局 数据局"),
		subjects: strings.Fields("企业 居民 人口 个体工商户 车辆 不动产 建筑工程 社会组织 医疗机构 学校 驾驶人 药品 食品 特种设备 林地 河道 港口 船舶 养老机构 就业人员 参保单位 纳税人 农民合作社 矿山 危险化学品 文物 景区 水库 湿地 古树名木 渔船 种子 兽药 医师 律师 公证 电梯 加油站 充电桩 共享单车 无人机 博物馆"),
		acts:     strings.Fields("登记 许可 备案 监管 监测 统计 年报 处罚 检查 信用评价 变更 注销 缴费 审批 抽检 投诉举报 招投标 鉴定 公示 补贴发放 培训 救助 普查 巡查 验收 评估 认定 检疫 执法 调解"),
		kinds:    strings.Fields("信息 基本信息 数据 登记信息 明细数据 名录 清单 台账 证照 结果信息 汇总表 电子证照 档案 目录 指标 核验接口 统计数据 分布图层 批复文件 公告"),
		items: strings.Fields("统一社会信用代码 企业名称 法定代表人 登记机关 成立日期 住所 经营范围 注册资本 登记状态 姓名 身份证件号码 性别 出生日期 联系电话 户籍地址 许可证编号 有效期起 有效期止 发证机关 行政区划代码 数据更新时间 备注 处罚决定书文号 处罚事由 处罚金额 检查日期 检查结果 车牌号码 车辆类型 车架号 不动产单元号 权利人 建筑面积 用途 坐落 " +
			"工程名称 建设单位 施工单位 监理单位 药品批准文号 生产企业 剂型 规格 学校标识码 学段 在校生数 经度 纬度 水位 流量 浓度 采样时间 站点名称 参保险种 缴费基数 缴费月份 从业人数 应纳税额 专业类别 执业范围 设备注册代码 使用单位 检验结论 船舶识别号 吨位 航区"),
		uses:  strings.Fields("行政许可 事中事后监管 信用监管 跨省通办 公共服务 统计分析 风险预警 执法检查 政策兑现 应急指挥 社会救助 资格核验 招商服务 规划编制"),
		latin: strings.Fields("GDP POI API CPI PM2.5 COD GIS BIM ETC REITs"),
	}
}

// entry makes the i-th entry of a member.
func (v *vocabulary) entry(g *generator, m *benchMember, i int, now time.Time) catalog.Resource {
	place := g.word(m.places)
	bureau := g.n(len(v.bureaus))
	act, kind := g.word(v.acts), g.word(v.kinds)
	name := place + g.word(v.subjects) + act + kind
	if g.n(50) == 0 {
		name = place + v.latin[g.n(len(v.latin))] + act + kind
	}
	if g.n(4) == 0 {
		name += fmt.Sprintf("（%d年）", 2015+g.n(11))
	}
	published := now.Add(-time.Duration(g.n(5*365*24)) * time.Hour)
	var items []catalog.Item
	seen := map[string]bool{}
	for range 4 + g.n(6) {
		if t := g.word(v.items); !seen[t] {
			seen[t] = true
			items = append(items, catalog.Item{Name: fmt.Sprintf("c%d", len(items)), Title: t, Type: "C", Grade: 1})
		}
	}
	r := catalog.Resource{
		Code: fmt.Sprintf("%s/r%07d", m.id, i), Name: name, Department: fmt.Sprintf("11%s%02d%02d", strings.ToUpper(m.id), bureau, g.n(8)), Provider: place + v.bureaus[bureau],
		Abstract: place + v.bureaus[bureau] + "在" + g.word(v.acts) + "工作中形成的" + g.word(v.subjects) + kind + "，包括" + items[0].Title + "、" + items[len(items)-1].Title + "等，用于" + g.word(v.uses) + "。",
		Items:    items, Format: "database", UpdateCycle: g.word([]string{"daily", "monthly", "yearly", "realtime", "quarterly", "weekly", "on_demand"}),
		Sharing: catalog.Conditional, Modes: []policy.Mode{policy.ModeQuery}, Conditions: "履行职责", ShareScope: "政府部门", UsePurpose: "公共服务",
		Class: g.word([]string{"department", "theme", "base"}), Grade: 1 + g.n(4), Version: 1 + g.n(3), State: catalog.Published, Published: &published,
	}
	switch n := g.n(100); {
	case n < 40:
		r.Sharing = catalog.Unconditional
	case n >= 95:
		r.Sharing, r.LegalBasis = catalog.NotShared, &catalog.LegalBasis{Instrument: catalog.Law, Name: "某法", Article: "第五条", Reason: "国家秘密"}
	}
	if g.n(3) == 0 {
		r.Modes = []policy.Mode{policy.ModeBatch, policy.ModeFile}
	}
	return r
}
