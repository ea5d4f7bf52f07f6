#include "volumes.h"

#include <winioctl.h>

#include <algorithm>
#include <cstddef>

#include "disk-serials.h"
#include "handle.h"

namespace snaphook {

namespace {

constexpr DWORD LONGEST_PATH = 32768;
/* Far more than any volume or disk has to say. */
constexpr DWORD MOST_ANSWER = 64 * 1024;

/* No access right is asked for: the control codes here need none. */
Handle open_device(const std::wstring &path) {
    return Handle(CreateFileW(path.c_str(), 0, FILE_SHARE_READ | FILE_SHARE_WRITE, nullptr, OPEN_EXISTING, 0, nullptr));
}

/* Empty when the device does not answer. */
std::vector<BYTE> ask_device(HANDLE device, DWORD code, const void *question, DWORD question_length) {
    std::vector<BYTE> answer(4096);
    for (;;) {
        DWORD length = 0;
        void *input = const_cast<void *>(question); /* DeviceIoControl only reads it */
        if (DeviceIoControl(device, code, input, question_length, answer.data(), static_cast<DWORD>(answer.size()), &length, nullptr)) {
            answer.resize(length);
            return answer;
        }
        bool too_small = GetLastError() == ERROR_MORE_DATA || GetLastError() == ERROR_INSUFFICIENT_BUFFER;
        if (!too_small || answer.size() >= MOST_ANSWER) return {};
        answer.resize(answer.size() * 2);
    }
}

std::vector<BYTE> ask_property(HANDLE device, STORAGE_PROPERTY_ID property) {
    STORAGE_PROPERTY_QUERY query = {property, PropertyStandardQuery, {0}};
    return ask_device(device, IOCTL_STORAGE_QUERY_PROPERTY, &query, sizeof query);
}

Disk read_disk(DWORD number) {
    Handle device = open_device(L"\\\\.\\PhysicalDrive" + std::to_wstring(number));
    if (!device) return {};
    std::vector<BYTE> described = ask_property(device.get(), StorageDeviceProperty);
    std::vector<BYTE> named = ask_property(device.get(), StorageDeviceIdProperty);
    return {serial_of(described.data(), static_cast<DWORD>(described.size())), naa_name_of(named.data(), static_cast<DWORD>(named.size()))};
}

std::vector<Disk> read_disks(const std::wstring &volume) {
    std::vector<Disk> disks;
    Handle device = open_device(volume.substr(0, volume.size() - 1));
    if (!device) return disks;
    std::vector<BYTE> answer = ask_device(device.get(), IOCTL_VOLUME_GET_VOLUME_DISK_EXTENTS, nullptr, 0);
    if (answer.size() < offsetof(VOLUME_DISK_EXTENTS, Extents)) return disks;
    const auto *extents = reinterpret_cast<const VOLUME_DISK_EXTENTS *>(answer.data()); /* vector's memory is aligned for any type */
    size_t most = (answer.size() - offsetof(VOLUME_DISK_EXTENTS, Extents)) / sizeof(DISK_EXTENT);
    std::vector<DWORD> numbers;
    for (size_t i = 0; i < std::min<size_t>(extents->NumberOfDiskExtents, most); i++) numbers.push_back(extents->Extents[i].DiskNumber);
    std::sort(numbers.begin(), numbers.end());
    numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
    for (DWORD number : numbers) disks.push_back(read_disk(number));
    return disks;
}

std::wstring first_mount_point(const std::wstring &volume) {
    std::vector<wchar_t> names(LONGEST_PATH);
    DWORD length = 0;
    if (!GetVolumePathNamesForVolumeNameW(volume.c_str(), names.data(), LONGEST_PATH, &length)) return L"";
    return names.data();
}

}  // namespace

bool Volume::lies_on(const std::vector<std::string> &serials) const {
    return std::any_of(disks.begin(), disks.end(), [&](const Disk &disk) {
        auto is_disk = [&](const std::string &wanted) { return wanted == disk.serial || wanted == disk.naa_name; };
        return std::any_of(serials.begin(), serials.end(), is_disk);
    });
}

std::vector<Volume> find_fixed_volumes() {
    std::vector<Volume> volumes;
    wchar_t name[MAX_PATH];
    HANDLE search = FindFirstVolumeW(name, MAX_PATH);
    if (search == INVALID_HANDLE_VALUE) return volumes;
    do {
        wchar_t file_system[MAX_PATH + 1] = L"";
        if (GetDriveTypeW(name) != DRIVE_FIXED) continue;
        if (!GetVolumeInformationW(name, nullptr, 0, nullptr, nullptr, nullptr, file_system, MAX_PATH + 1)) file_system[0] = L'\0';
        volumes.push_back({name, first_mount_point(name), file_system, read_disks(name)});
    } while (FindNextVolumeW(search, name, MAX_PATH));
    FindVolumeClose(search);
    return volumes;
}

Place find_place(const std::wstring &path) {
    std::vector<wchar_t> expanded(LONGEST_PATH), mount_point(LONGEST_PATH);
    DWORD length = ExpandEnvironmentStringsW(path.c_str(), expanded.data(), LONGEST_PATH);
    wchar_t name[MAX_PATH];
    if (length == 0 || length > LONGEST_PATH) return {L"", path};
    if (!GetVolumePathNameW(expanded.data(), mount_point.data(), LONGEST_PATH)) return {L"", path};
    if (!GetVolumeNameForVolumeMountPointW(mount_point.data(), name, MAX_PATH)) return {L"", path};
    return {name, mount_point.data()};
}

}  // namespace snaphook
